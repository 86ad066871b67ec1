/* floor: what the same costs with nothing around it, in C.
 *
 *   floor echo SOCK BYTES       a server that greets and answers each line with the same reply; of BYTES, 0: that of query-status
 *   floor slot COUNT BYTES      a VM with COUNT memory slots of so many bytes: one more by KVM_SET_USER_MEMORY_REGION, and away again
 *                               (_del); us
 *   floor populate BYTES THREADS   memfd_create, ftruncate, mmap, MADV_POPULATE_WRITE by so many threads; us
 * Prints key=value pairs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static void die(const char *what) { fprintf(stderr, "floor: %s: %s\n", what, strerror(errno)); exit(1); }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e6 + t.tv_nsec / 1e3; }
static int by_value(const void *a, const void *b) { double d = *(double *)a - *(double *)b; return (d > 0) - (d < 0); }

static int send_all(int s, const char *p, size_t n)
{
    while (n) { ssize_t k = send(s, p, n, MSG_NOSIGNAL); if (k <= 0) return -1; p += k; n -= k; }
    return 0;
}

static void echo(const char *path, size_t bytes)
{
    static const char greeting[] = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
    static const char status[] = "{\"return\": {\"status\": \"running\", \"running\": true}}\r\n";
    static const char negotiated[] = "{\"return\": {}}\r\n";
    static char in[1 << 16];
    size_t len = bytes > sizeof status ? bytes : sizeof status - 1, batch = (4 << 20) / len ? (4 << 20) / len : 1;
    char *out = malloc(len * batch);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int l = socket(AF_UNIX, SOCK_STREAM, 0);
    for (size_t i = 0; i < batch; i++) {
        char *reply = out + i * len;
        if (len == sizeof status - 1) { memcpy(reply, status, len); continue; }
        memset(reply, 'x', len);
        memcpy(reply, "{\"return\": \"", 12);
        memcpy(reply + len - 4, "\"}\r\n", 4);
    }
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    if (bind(l, (void *)&a, sizeof a) || listen(l, 512)) die("bind");
    for (int s; (s = accept(l, 0, 0)) >= 0; close(s)) {
        int first = 1, alive = !send_all(s, greeting, sizeof greeting - 1);
        for (ssize_t n; alive && (n = read(s, in, sizeof in)) > 0;) {
            size_t lines = 0;
            for (char *p = in; (p = memchr(p, '\n', in + n - p)); p++) lines++;
            if (lines && first) {
                first = 0;
                lines--;
                alive = !send_all(s, negotiated, sizeof negotiated - 1);
            }
            for (; alive && lines; ) {
                size_t now_ = lines < batch ? lines : batch;
                alive = !send_all(s, out, now_ * len);
                lines -= now_;
            }
        }
    }
}

static void slot(int count, size_t size)
{
    enum { TIMES = 300 };
    double t[TIMES], gone[TIMES];
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0) die("KVM_CREATE_VM");
    /* One mapping for all: KVM allows it, and only the slots are measured. */
    char *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) die("mmap");
    struct kvm_userspace_memory_region r = { .memory_size = size, .userspace_addr = (unsigned long)memory };
    for (int i = 0; i < count; i++) {
        r.slot = i;
        r.guest_phys_addr = (4ull << 30) + i * size;
        if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r)) die("KVM_SET_USER_MEMORY_REGION");
    }
    r.slot = count;
    r.guest_phys_addr = (4ull << 30) + count * size;
    for (int i = 0; i < TIMES; i++) {
        double begin = now();
        r.memory_size = size;
        if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r)) die("KVM_SET_USER_MEMORY_REGION");
        t[i] = now() - begin;
        begin = now();
        r.memory_size = 0;
        if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r)) die("KVM_SET_USER_MEMORY_REGION");
        gone[i] = now() - begin;
    }
    qsort(t, TIMES, sizeof *t, by_value);
    qsort(gone, TIMES, sizeof *gone, by_value);
    printf("p50=%.1f p99=%.1f p50_del=%.1f p99_del=%.1f\n", t[TIMES / 2], t[TIMES * 99 / 100], gone[TIMES / 2], gone[TIMES * 99 / 100]);
}

struct part { char *at; size_t size; };

static void *populate_part(void *arg)
{
    struct part *p = arg;
    if (madvise(p->at, p->size, MADV_POPULATE_WRITE)) die("MADV_POPULATE_WRITE");
    return 0;
}

static void populate(size_t size, int threads)
{
    pthread_t thread[64];
    struct part part[64];
    double begin = now();
    int fd = memfd_create("floor", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, size)) die("memfd_create");
    char *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) die("mmap");
    for (int i = 0; i < threads; i++) {
        part[i] = (struct part) { memory + size / threads * i, size / threads };
        if (pthread_create(&thread[i], 0, populate_part, &part[i])) die("pthread_create");
    }
    for (int i = 0; i < threads; i++) pthread_join(thread[i], 0);
    printf("us=%.1f\n", now() - begin);
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "echo")) echo(argv[2], strtoull(argv[3], 0, 10));
    else if (argc == 4 && !strcmp(argv[1], "slot")) slot(atoi(argv[2]), strtoull(argv[3], 0, 10));
    else if (argc == 4 && !strcmp(argv[1], "populate") && atoi(argv[3]) >= 1 && atoi(argv[3]) <= 64)
        populate(strtoull(argv[2], 0, 10), atoi(argv[3]));
    else { fprintf(stderr, "see the head of floor.c\n"); return 2; }
    return 0;
}
