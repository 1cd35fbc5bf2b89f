rule curate:
    input:
        table=source,
    output:
        curated="results/curated/{split}/{table}.parquet",
        assays=report(
            "results/curated/{split}/{table}.assays.csv",
            category="Data",
            subcategory="Curation",
            labels={"table": "{table}", "split": "{split}", "holds": "assays"},
            caption="../report/assays.rst",
        ),
        dropped=report(
            "results/curated/{split}/{table}.dropped.csv",
            category="Data",
            subcategory="Curation",
            labels={"table": "{table}", "split": "{split}", "holds": "dropped rows"},
            caption="../report/dropped.rst",
        ),
    log:
        "logs/curate/{split}/{table}.log",
    benchmark:
        "results/benchmarks/curate/{split}/{table}.tsv"
    conda:
        "../../environment.yml"
    threads: cores_by_size
    resources:
        mem_mb=2000,
    params:
        rules=json.dumps(config["curation"]),
        layout=json.dumps(config["layout"]),
    shell:
        "molmeta curate {input.table:q}"
        " --rules {params.rules:q}"
        " --layout {params.layout:q}"
        " --cores {threads}"
        " --output {output.curated:q}"
        " 2> {log:q}"


# A checkpoint, so that what is left to do is looked at again once the features are there: without,
# Snakemake takes every job after this one for up to date, since all take the store as ancient.
checkpoint featurize:
    input:
        tables=curated(*SPLITS),
    output:
        molecules=update(STORE),
    log:
        "logs/featurize.log",
    benchmark:
        "results/benchmarks/featurize.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        mem_mb=4000,
    params:
        featurizers=flags({"featurizer": config["featurizers"]}),
    shell:
        "molmeta featurize {input.tables:q}"
        " {params.featurizers:q}"
        " --cores {threads}"
        " --output {output.molecules:q}"
        " 2> {log:q}"


rule audit:
    input:
        tables=curated(*SPLITS),
    output:
        audit=report(
            "results/audit.csv",
            category="Data",
            subcategory="Leaks",
            labels={"table": "all", "split": "all", "holds": "overlap with train"},
            caption="../report/audit.rst",
        ),
    log:
        "logs/audit.log",
    benchmark:
        "results/benchmarks/audit.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        mem_mb=4000,
    params:
        near=config["near"],
    shell:
        "molmeta audit {input.tables:q}"
        " --near {params.near}"
        " --cores {threads}"
        " --output {output.audit:q}"
        " 2> {log:q}"
