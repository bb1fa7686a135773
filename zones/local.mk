# The lists that ship, for `policies = {"preset:NAME"}`, and what the lint knows of shared hosting.
zonesdir = $(pkgdatadir)/zones
dist_zones_DATA = zones/anthropic.list zones/apk.list zones/apt.list \
	zones/azure-devops.list zones/azure-openai.list zones/bedrock.list \
	zones/bitbucket.list zones/cocoapods.list zones/cohere.list zones/conda.list \
	zones/cpan.list zones/cran.list zones/crates.list zones/deny-cloud-metadata.list \
	zones/deny-encrypted-dns.list zones/deny-private-names.list zones/deny-telemetry.list \
	zones/docker-hub.list zones/ecr-public.list zones/gcr.list zones/ghcr.list \
	zones/github-actions.list zones/github-enterprise.list zones/github.list \
	zones/gitlab-registry.list zones/gitlab.list zones/go.list zones/google-ai.list \
	zones/google-storage.list zones/hackage.list zones/helm.list zones/hex.list \
	zones/huggingface.list zones/julia.list zones/maven.list zones/mcp-servers.list \
	zones/mcr.list zones/mistral.list zones/npm.list zones/nuget.list zones/openai.list \
	zones/openrouter.list zones/packagist.list zones/pub.list zones/pypi.list \
	zones/quay.list zones/rpm.list zones/rubygems.list zones/swift.list \
	zones/terraform.list zones/shared-hosting.txt zones/README.md
