rule screen:
    input:
        support=support,
        library=library,
        model=model_file,
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
