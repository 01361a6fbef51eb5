/*
 * Runs a fuzz target without libFuzzer: over each file of its kept corpus,
 * harness/tests/corpus/NAME/ for the program fuzz_NAME, as it stands, cut short
 * at every length of a sample, and with a fixed sequence of random changes.
 * Any compiler and sanitizer can so repeat what the fuzzer has found.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_CHANGED  64 /* changed copies of each input */
#define INPUT_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t rng = 0x9e3779b97f4a7c15;

static uint64_t rng_next(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

/* A copy of its own size, so that a sanitizer sees a read past the end. */
static void run_copy(const uint8_t *data, size_t size, unsigned nr_changes)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	for (unsigned i = 0; i < nr_changes && size; i++) {
		size_t at = rng_next() % size;

		if (rng_next() & 1)
			copy[at] ^= (uint8_t)(1u << (rng_next() % 8));
		else
			copy[at] = data[rng_next() % size];
	}
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int run_file(const char *path)
{
	static uint8_t data[INPUT_BYTES];
	FILE *in = fopen(path, "rb");
	size_t size;

	if (!in) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	size = fread(data, 1, sizeof(data), in);
	fclose(in);
	run_copy(data, size, 0);
	for (unsigned i = 0; i < NR_CHANGED; i++) {
		run_copy(data, size ? rng_next() % size : 0, 0);
		run_copy(data, size, 1 + (unsigned)(rng_next() % 8));
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	char dir[512], path[1024];
	unsigned passed = 0, failed = 0;
	struct dirent *entry;
	DIR *d;

	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(dir, sizeof(dir), "harness/tests/corpus/%s", name);
	if (argc > 1)
		snprintf(dir, sizeof(dir), "%s", argv[1]);
	d = opendir(dir);
	if (!d) {
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		return 1;
	}
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (run_file(path))
			failed++;
		else
			passed++;
	}
	closedir(d);
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
