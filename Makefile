# zonebench: `make bench` runs the default job, `make test` every test.
# Targets are listed by `make help`.

CC      ?= gcc
HOT     ?= inline
CHECK   ?= 0
B       ?= build
PREFIX  ?= /usr/local
OPT     ?= -O2
SAN     ?=

PKGS     := hwloc jansson liburcu zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -linih -lnuma -lpthread -lm

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS  ?= -g
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -I. -I$(B) -D_GNU_SOURCE -DCHECK_LEVEL=$(CHECK) -pthread \
	$(SAN) $(PKG_CFLAGS) $(CFLAGS)
ifneq ($(findstring clang,$(CC)),)
ALL_CFLAGS += -Wthread-safety
endif
ifeq ($(HOT),call)
ALL_CFLAGS += -DHOT_CALL=1
endif
LDLIBS  = $(PKG_LIBS)

ENGINE_DIRS   ?= alloc/page/engines
ENGINE_SRC    := $(wildcard $(addsuffix /*.c,$(ENGINE_DIRS)))
ENGINES       := $(basename $(notdir $(ENGINE_SRC)))
WORKLOADS     := $(sort $(basename $(notdir $(wildcard workloads/page/*.h))))
LIB_SRC  := $(wildcard alloc/base/*.c alloc/page/*.c workloads/lib/*.c) \
	$(filter-out harness/main.c harness/bind_page.c,$(wildcard harness/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/obj/%.o)
BIND_OBJ := $(ENGINES:%=$(B)/bind/page/%.o)
TESTS    := $(wildcard alloc/base/tests/test_*.c alloc/page/tests/test_*.c \
	workloads/tests/test_*.c harness/tests/test_*.c)
TEST_BIN := $(foreach t,$(TESTS),$(B)/tests/$(subst /tests/,/,$(t:%.c=%)))

vpath %.c $(ENGINE_DIRS)

.PHONY: all FORCE
all: $(B)/zonebench

$(B)/zonebench: $(B)/obj/harness/main.o $(LIB_OBJ) $(BIND_OBJ)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# One object per engine: its own file, the policy and every workload's loop.
$(B)/bind/page/%.o: %.c harness/bind_page.c $(B)/page_workloads.gen.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DENGINE_NAME='"$*"' -MMD -MP -include $< -c harness/bind_page.c -o $@

# WORKLOAD(name) per file; rewritten only when the list changes, so that a
# deleted workload is noticed as well as a new one.
$(B)/page_workloads.gen.h: FORCE
	@mkdir -p $(@D)
	@{ for w in $(WORKLOADS); do echo "#include \"workloads/page/$$w.h\""; done; \
	   echo "#define FOR_EACH_PAGE_WORKLOAD(X) \\"; \
	   for w in $(WORKLOADS); do echo "	X($$w) \\"; done; echo; } > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

# Criterion binaries: one per test file, linked with everything but main.
$(B)/tests/alloc/base/%: alloc/base/tests/%.c $(LIB_OBJ) $(BIND_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP $(filter %.c %.o,$^) -o $@ -lcriterion $(LDLIBS)
$(B)/tests/alloc/page/%: alloc/page/tests/%.c $(LIB_OBJ) $(BIND_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP $(filter %.c %.o,$^) -o $@ -lcriterion $(LDLIBS)
$(B)/tests/workloads/%: workloads/tests/%.c $(LIB_OBJ) $(BIND_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP $(filter %.c %.o,$^) -o $@ -lcriterion $(LDLIBS)
$(B)/tests/harness/%: harness/tests/%.c $(LIB_OBJ) $(BIND_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP $(filter %.c %.o,$^) -o $@ -lcriterion $(LDLIBS)

# The conformance suite is compiled once per engine, with the engine's file.
$(B)/tests/conform/%: %.c alloc/page/tests/conform_page.c $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DENGINE_NAME='"$*"' -MMD -MP -include $< alloc/page/tests/conform_page.c \
		$(LIB_OBJ) -o $@ -lcriterion $(LDLIBS)

.PHONY: tests
tests: $(TEST_BIN)

clean:
	rm -rf $(B)

-include $(LIB_OBJ:.o=.d) $(BIND_OBJ:.o=.d) $(B)/obj/harness/main.d
