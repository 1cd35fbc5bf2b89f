rule train:
    input:
        tables=curated("train"),
        valid=curated("valid"),
        # A new test table changes the store, but not the training data: it must not trigger training.
        molecules=ancient(STORE),
        init=init,
    output:
        model="results/models/{model}/{seed}.safetensors",
        log="results/models/{model}/{seed}.log.parquet",
        curve=report(
            "results/models/{model}/{seed}.svg",
            category="Learning curves",
            labels={"model": "{model}", "seed": "{seed}"},
            caption="../report/training.rst",
        ),
    log:
        "logs/train/{model}/{seed}.log",
    benchmark:
        "results/benchmarks/train/{model}/{seed}.tsv"
    # First, because an evaluation waits for each model.
    priority: 1
    conda:
        "../../environment.yml"
    threads: cores_of_training
    resources:
        mem_mb=grows(4000),
    params:
        recipe=recipe_of,
        valid=flags({"valid": curated("valid")}),
        init=init_option,
    shell:
        "molmeta train {input.tables:q}"
        " {params.valid:q}"
        " --molecules {input.molecules:q}"
        " --recipe {params.recipe:q}"
        " {params.init:q}"
        " --seed {wildcards.seed}"
        " --curve {output.curve:q}"
        " --output {output.model:q}"
        " 2> {log:q}"
