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
        mem_mb=grows(2000),
    params:
        # Only what the user set: a default that is added later must not curate every table again.
        rules=CONFIG.curation.model_dump_json(exclude_unset=True),
        layout=CONFIG.layout.model_dump_json(exclude_unset=True),
    shell:
        "molmeta curate {input.table:q}"
        " --rules {params.rules:q}"
        " --layout {params.layout:q}"
        " --cores {threads}"
        " --output {output.curated:q}"
        " 2> {log:q}"


# This is a checkpoint, so that Snakemake plans the remaining jobs again once the store is written.
# Later jobs read the store as `ancient`, since adding a test table changes the store but must not
# train every model again. With an ordinary rule, Snakemake would take all of these jobs for up to
# date while the store is being updated, even those whose parameters have changed.
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
        mem_mb=grows(4000),
    params:
        featurizers=flags({"featurizer": CONFIG.featurizers}),
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
        mem_mb=grows(4000),
    params:
        near=CONFIG.near,
    shell:
        "molmeta audit {input.tables:q}"
        " --near {params.near}"
        " --cores {threads}"
        " --output {output.audit:q}"
        " 2> {log:q}"
