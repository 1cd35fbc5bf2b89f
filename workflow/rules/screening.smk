rule screen:
    input:
        support=support,
        library=library,
        model=model_file,
        parts=screen_parts,
    output:
        hits=report(
            "results/screens/{screen}.csv",
            category="Screening",
            labels={"screen": "{screen}"},
            caption="../report/screen.rst",
        ),
        invalid="results/screens/{screen}.invalid.csv",
    log:
        "logs/screen/{screen}.log",
    benchmark:
        "benchmarks/screen/{screen}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        mem_mb=4000,
    params:
        model=model_name,
        options=screen_options,
    shell:
        "molmeta screen --support {input.support:q}"
        " --library {input.library:q}"
        " --model {params.model:q}"
        " {params.options:q}"
        " --cores {threads}"
        " --output {output.hits:q}"
        " 2> {log:q}"


rule screen_part:
    input:
        support=support,
        library=library,
        model=model_file,
    output:
        temp(touch("results/screens/{screen}.{part}-of-{parts}.done")),
    log:
        "logs/screen/{screen}.{part}-of-{parts}.log",
    benchmark:
        "benchmarks/screen/{screen}.{part}-of-{parts}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        mem_mb=4000,
    params:
        model=model_name,
        options=screen_options,
        hits="results/screens/{screen}.csv",
    shell:
        "molmeta screen --support {input.support:q}"
        " --library {input.library:q}"
        " --model {params.model:q}"
        " {params.options:q}"
        " --cores {threads}"
        " --part {wildcards.part}/{wildcards.parts}"
        " --output {params.hits:q}"
        " 2> {log:q}"
