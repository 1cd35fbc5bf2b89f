rule tune:
    input:
        tables=curated("train"),
        valid=curated("valid"),
        molecules=ancient(STORE),
    output:
        recipe="results/automl/{search}.yaml",
        page=report(
            "results/automl/{search}.html",
            category="Learning curves",
            labels={"search": "{search}"},
            caption="../report/tuning.rst",
        ),
    log:
        "logs/tune/{search}.log",
    benchmark:
        "results/benchmarks/tune/{search}.tsv"
    conda:
        "../../environment.yml"
    threads: search_workers
    resources:
        mem_mb=grows(4000),
    params:
        learner=search_learner,
        recipe=search_recipe,
        valid=flags({"valid": curated("valid")}),
        options=search_options,
        # Not an output: Snakemake would delete the trials of an earlier run.
        storage=search_storage,
    shell:
        "molmeta tune {params.learner} {input.tables:q}"
        " {params.valid:q}"
        " --molecules {input.molecules:q}"
        " --recipe {params.recipe:q}"
        " {params.options:q}"
        " --storage {params.storage:q}"
        " --output {output.recipe:q}"
        " 2> {log:q}"
