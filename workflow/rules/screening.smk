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
            labels={"screen": "{screen}", "holds": "hits"},
            caption="../report/screen.rst",
        ),
        invalid="results/screens/{screen}.invalid.csv",
        page=report(
            "results/screens/{screen}.html",
            category="Screening",
            labels={"screen": "{screen}", "holds": "hits, drawn"},
            caption="../report/hits.rst",
        ),
    log:
        "logs/screen/{screen}.log",
    benchmark:
        "results/benchmarks/screen/{screen}.tsv"
    wildcard_constraints:
        screen=any_of(s for s in SCREENS if SCREENS[s].top),
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        mem_mb=grows(4000),
    params:
        model=model_name,
        options=screen_options,
        page=page_option,
    shell:
        "molmeta screen --support {input.support:q}"
        " --library {input.library:q}"
        " --model {params.model:q}"
        " {params.options:q}"
        " {params.page:q}"
        " --cores {threads}"
        " --output {output.hits:q}"
        " 2> {log:q}"


# A screen that writes every compound selects no hits, so there is no page to draw.
use rule screen as screen_all with:
    output:
        hits="results/screens/{screen}.csv",
        invalid="results/screens/{screen}.invalid.csv",
    wildcard_constraints:
        screen=any_of(s for s in SCREENS if not SCREENS[s].top),


# `molmeta screen --part` keeps its scores next to the future result. This file only marks the part
# as done, so that `screen` runs once all parts are.
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
        "results/benchmarks/screen/{screen}.{part}-of-{parts}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        mem_mb=grows(4000),
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


rule suggest:
    input:
        support=support,
        library=library,
        model=model_file,
        controls=plate_controls,
        exclude=plate_exclude,
    output:
        plate=report(
            "results/plates/{screen}.csv",
            category="Screening",
            labels={"screen": "{screen}", "holds": "the next plate"},
            caption="../report/plate.rst",
        ),
        invalid="results/plates/{screen}.invalid.csv",
    log:
        "logs/suggest/{screen}.log",
    benchmark:
        "results/benchmarks/suggest/{screen}.tsv"
    wildcard_constraints:
        screen=any_of(PLATES),
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        mem_mb=grows(4000),
    params:
        model=model_name,
        options=plate_options,
    shell:
        "molmeta suggest --support {input.support:q}"
        " --library {input.library:q}"
        " --model {params.model:q}"
        " {params.options:q}"
        " --cores {threads}"
        " --output {output.plate:q}"
        " 2> {log:q}"
