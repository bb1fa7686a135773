EXTRA_DIST += contrib/example/decide.c contrib/fuzz contrib/quickstart contrib/sysusers.d/namegate.conf \
	contrib/systemd/namegated.service.in contrib/demo/run contrib/demo/allow.list \
	contrib/demo/debian.org.zone contrib/demo/evil.example.zone contrib/demo/fastly.net.zone \
	contrib/demo/fastlydns.net.zone contrib/demo/github.com.zone contrib/demo/pypi.org.zone \
	contrib/demo/pythonhosted.org.zone

EXTRA_DIST += contrib/recipes/README.md contrib/recipes/github.yaml contrib/recipes/gitlab.yaml \
	contrib/recipes/namegate-ci contrib/recipes/namegate-pre-commit contrib/recipes/namegate.mk \
	contrib/recipes/example/namegate.conf contrib/recipes/example/never.list \
	contrib/recipes/example/ci.list contrib/recipes/example/ci.expect \
	contrib/recipes/example/world.zone

EXTRA_DIST += contrib/nftables/operator.nft contrib/installs.names

dist_sbin_SCRIPTS = contrib/namegate-run

sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = contrib/sysusers.d/namegate.conf

systemdunitdir = $(prefix)/lib/systemd/system
nodist_systemdunit_DATA = contrib/systemd/namegated.service
CLEANFILES += contrib/systemd/namegated.service
contrib/systemd/namegated.service: contrib/systemd/namegated.service.in
	$(AM_V_GEN)$(MKDIR_P) contrib/systemd && \
	sed 's|@sbindir[@]|$(sbindir)|g' $(srcdir)/contrib/systemd/namegated.service.in > $@.tmp && \
	mv $@.tmp $@
