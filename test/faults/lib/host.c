/* A bad host, to be preloaded: a disk that fails where the databases are, and a clock that jumps.
 * What is wrong at the moment stands in a file that KRAKEN_FAULTS names, see host.js. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct faults {
  int32_t write_error;
  int32_t sync_error;
  int32_t read_error;
  int32_t clock_offset; /* seconds */
};

static const struct faults none;
static volatile const struct faults *now = &none;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("KRAKEN_FAULTS");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void *shared = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (shared != MAP_FAILED) now = shared;
}

static int is_database(int file) {
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return strstr(path, "/sqlite/") != NULL;
}

/* Whether a call on this file fails, with errno set. */
static int fails(int32_t error, int file) {
  if (error == 0 || !is_database(file)) return 0;
  errno = error;
  return 1;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t count) {
  REAL(write);
  return fails(now->write_error, file) ? -1 : real(file, bytes, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  REAL(pwrite64);
  return fails(now->write_error, file) ? -1 : real(file, bytes, count, offset);
}

int ftruncate64(int file, off64_t length) {
  REAL(ftruncate64);
  return fails(now->write_error, file) ? -1 : real(file, length);
}

int fsync(int file) {
  REAL(fsync);
  return fails(now->sync_error, file) ? -1 : real(file);
}

int fdatasync(int file) {
  REAL(fdatasync);
  return fails(now->sync_error, file) ? -1 : real(file);
}

ssize_t read(int file, void *bytes, size_t count) {
  REAL(read);
  return fails(now->read_error, file) ? -1 : real(file, bytes, count);
}

ssize_t pread64(int file, void *bytes, size_t count, off64_t offset) {
  REAL(pread64);
  return fails(now->read_error, file) ? -1 : real(file, bytes, count, offset);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  REAL(clock_gettime);
  int result = real(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += now->clock_offset;
  return result;
}
