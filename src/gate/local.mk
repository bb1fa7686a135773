libcore_a_SOURCES += src/gate/actions.c src/gate/answer.c src/gate/asks.c src/gate/blocked.c src/gate/budget.c src/gate/cache.c src/gate/chain.c \
	src/gate/directory.c src/gate/ends.c src/gate/event.c src/gate/directory.h src/gate/engine.h src/gate/evict.c src/gate/failures.c src/gate/filter.c src/gate/flows.c \
	src/gate/gate.c src/gate/heap.c src/gate/heap.h src/gate/history.c src/gate/judge.c src/gate/leases.c src/gate/limits.c src/gate/local.c src/gate/orders.c \
	src/gate/pending.c src/gate/query.c src/gate/reply.c src/gate/routes.c src/gate/special.c src/gate/standing.c \
	src/gate/texts.c src/gate/texts.h src/gate/trail.c src/gate/waiting.c
libcore_a_SOURCES += src/gate/cache.h src/gate/entry.c src/gate/shares.c src/gate/warm.c
libcore_a_SOURCES += src/gate/ready.c src/gate/ready.h src/gate/ready_answer.c src/gate/ready_check.c src/gate/ready_make.c src/gate/ready_parts.h src/gate/ready_prove.c
libcore_a_SOURCES += src/gate/book.c src/gate/book.h src/gate/due.c src/gate/due.h src/gate/reverse.c src/gate/idle.c src/gate/idle.h
libcore_a_SOURCES += src/gate/leads.c src/gate/leads.h src/gate/taken.c
