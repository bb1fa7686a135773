EXTRA_DIST += contrib/quickstart contrib/sysusers.d/namegate.conf contrib/demo/run \
	contrib/demo/allow.list \
	contrib/demo/debian.org.zone contrib/demo/evil.example.zone contrib/demo/fastly.net.zone \
	contrib/demo/fastlydns.net.zone contrib/demo/github.com.zone contrib/demo/pypi.org.zone \
	contrib/demo/pythonhosted.org.zone

sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = contrib/sysusers.d/namegate.conf
