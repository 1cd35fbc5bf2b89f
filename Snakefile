from snakemake.utils import min_version

min_version("9.0")


if not workflow.configfiles:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/learning.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/screening.smk"
include: "workflow/rules/automl.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        report="results/report.html",
        screens=expand("results/screens/{screen}.csv", screen=SCREENS),
        plates=expand("results/plates/{screen}.csv", screen=PLATES),
        recipes=expand("results/automl/{search}.yaml", search=SEARCHES),
