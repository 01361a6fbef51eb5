/*
 * Facts of the build, from the header that the Makefile generates.
 */
#include "harness/build_info.h"

#include "alloc/base/check.h"
#include "build_info.gen.h"

#if defined(__SANITIZE_ADDRESS__)
#define BUILD_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define BUILD_SANITIZER "thread"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BUILD_SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define BUILD_SANITIZER "thread"
#elif __has_feature(undefined_behavior_sanitizer)
#define BUILD_SANITIZER "undefined"
#endif
#endif
#ifndef BUILD_SANITIZER
#define BUILD_SANITIZER ""
#endif

const struct build_info build_info = {
	.version = BUILD_VERSION,
	.commit = BUILD_COMMIT,
	.compiler = BUILD_COMPILER,
	.flags = BUILD_FLAGS,
	.hot = BUILD_HOT,
	.dirty = BUILD_DIRTY,
	.check_level = CHECK_LEVEL,
	.sanitizer = BUILD_SANITIZER,
};

const char *build_info_text(void)
{
	return BUILD_VERSION " (" BUILD_COMMIT " " BUILD_COMPILER ")";
}
