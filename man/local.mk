dist_man_MANS += man/namegated.8 man/namegate.1 man/namegate.conf.5 man/namegate-list.5 \
	man/namegate-run.8 man/namegate-scene.5 man/namegate-presets.7
dist_man_MANS += man/namegate-check.1 man/namegate-expect.5 man/namegate-explain.1 man/libnamegate.3 man/namegate-packets.7 man/namegate-answers.7 man/namegate-rpz.5
dist_man_MANS += man/namegate-diff.1 man/namegate-report.1
dist_man_MANS += man/namegate-replay.1 man/namegate-learn.1
