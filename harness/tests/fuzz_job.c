/*
 * Any bytes as a job file: parsed, or refused with one line.
 */
#include "harness/job.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[512] = "";
	struct job job;
	int rc = job_parse_buffer((const char *)data, size, "fuzz.ini", &job,
				  err, sizeof(err));

	if (rc) {
		if (!*err || strchr(err, '\n') || strlen(err) >= sizeof(err))
			abort();
		if (strncmp(err, "fuzz.ini", 8))
			abort();
	} else if (*err) {
		abort();
	}
	job_free(&job);
	return 0;
}
