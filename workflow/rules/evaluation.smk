rule evaluate:
    input:
        tables=curated("test"),
        # As for training: the store grows with every table, which changes no finished evaluation.
        molecules=ancient(STORE),
        model=model_file,
    output:
        # Kept until the job is done, which judges only assays that are new or have changed.
        metrics=update("results/metrics/{model}/{seed}.parquet"),
        examples=update("results/examples/{model}/{seed}.parquet"),
    log:
        "logs/evaluate/{model}/{seed}.log",
    benchmark:
        "results/benchmarks/evaluate/{model}/{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=grows(4000),
    params:
        model=model_name,
        supports=",".join(map(str, CONFIG.evaluation.supports)),
        plan=flags(CONFIG.evaluation.model_dump(exclude={"supports"})),
    shell:
        "molmeta evaluate {params.model:q} {input.tables:q}"
        " --name {wildcards.model:q}"
        " --molecules {input.molecules:q}"
        " --supports {params.supports:q}"
        " {params.plan:q}"
        " --examples {output.examples:q}"
        " --output {output.metrics:q}"
        " 2> {log:q}"


rule report:
    input:
        metrics=expand("results/metrics/{run}.parquet", run=CONFIG.evaluated),
        examples=f"results/examples/{CONFIG.examples}.parquet",
        audit="results/audit.csv",
        assays=curated(*SPLITS, suffix="assays.csv"),
        dropped=curated(*SPLITS, suffix="dropped.csv"),
        logs=expand("results/models/{run}.log.parquet", run=CONFIG.trained),
        config=workflow.configfiles[-1:],
    output:
        page=report(
            "results/report.html",
            category="Evaluation",
            labels={"holds": "the whole report"},
            caption="../report/page.rst",
        ),
        summary=report(
            "results/report/summary.csv",
            category="Evaluation",
            labels={"holds": "mean scores by support size"},
            caption="../report/summary.rst",
        ),
        paired=report(
            "results/report/paired.csv",
            category="Evaluation",
            labels={"holds": "gain over each baseline"},
            caption="../report/paired.rst",
        ),
        assays=report(
            "results/report/assays.csv",
            category="Evaluation",
            labels={"holds": "scores of every assay"},
            caption="../report/scores.rst",
        ),
    log:
        "logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=grows(4000),
    params:
        # Inputs again, as options: each file needs an option of its own, which `{input}` cannot give.
        evidence=flags(
            {
                "assays": curated(*SPLITS, suffix="assays.csv"),
                "dropped": curated(*SPLITS, suffix="dropped.csv"),
                "logs": expand("results/models/{run}.log.parquet", run=CONFIG.trained),
                "config": workflow.configfiles[-1:],
                "command": f"snakemake --configfile {' '.join(map(str, workflow.configfiles))}",
            }
        ),
    shell:
        "molmeta report {input.metrics:q}"
        " --audit {input.audit:q}"
        " --examples {input.examples:q}"
        " --benchmarks results/benchmarks"
        " {params.evidence:q}"
        " --output {output.page:q}"
        " 2> {log:q}"
