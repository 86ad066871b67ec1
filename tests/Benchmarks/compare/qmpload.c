/* qmpload: a load client for QMP servers on a Unix socket.
 *
 *   qmpload rtt     SOCK COUNT DEPTH REQUEST      COUNT batches of DEPTH copies of REQUEST; latency of a batch
 *   qmpload each    SOCK FROM COUNT REQUEST...    COUNT times each REQUEST in order, one at a time; latency of each REQUEST apart. Of up to 8
 *                   servers, SOCK,SOCK: each has its turn (_a, _b, ...), so that all of them meet the same machine
 *   qmpload probe   SOCK INTERVAL SECONDS REQUEST...  one request every INTERVAL us, taking turns; latency counts from when it was due, so
 *                   that a stall is charged to every probe it delays; shown is that of the first REQUEST; SIGTERM ends it early
 *   qmpload clients SOCK N                        N connections at once, greeted and negotiated; then takes orders from standard input:
 *                   event COUNT                   COUNT times cont and stop, of a guest that is stopped: until RESUME has reached all; us
 *                   query CLIENTS COUNT REQUEST   CLIENTS ask at once, COUNT times each, the next when the last was answered; means of the
 *                                                 clients, and (_all) of all queries
 *
 * A # in a REQUEST of each and probe is the number of its turn. A REQUEST that starts with @ names a file that holds it.
 * Prints key=value pairs; times are microseconds unless the key says otherwise. An error reply ends the run: what fails is not fast. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum kind { GREETING, EVENT, REPLY };

/* One connection: the head of the line that is being received, enough to tell what it is. */
struct conn { int fd; size_t at; char head[160]; int seen[3]; double sent, sum; int left; };

static const char negotiate[] = "{\"execute\": \"qmp_capabilities\"}\n";
static char in[1 << 20];
static size_t reply_bytes;
static volatile sig_atomic_t enough;

static void stop(int s) { (void)s; enough = 1; }
static void die(const char *what) { fprintf(stderr, "qmpload: %s: %s\n", what, strerror(errno)); exit(1); }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e6 + t.tv_nsec / 1e3; }
static int by_value(const void *a, const void *b) { double d = *(double *)a - *(double *)b; return (d > 0) - (d < 0); }

static void report(const char *name, double *t, int n)
{
    qsort(t, n, sizeof *t, by_value);
    printf("p50%s=%.1f p99%s=%.1f max%s=%.1f ", name, t[n / 2], name, t[(int)(n * 0.99)], name, t[n - 1]);
}

static int dial(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0) die("socket");
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    for (int i = 0; connect(s, (void *)&a, sizeof a); i++) {
        if (i > 50000 || (errno != EAGAIN && errno != ENOENT && errno != ECONNREFUSED)) die("connect");
        usleep(100);
    }
    return s;
}

/* Counts the lines in what was received, by their kind. */
static void take(struct conn *c, const char *p, size_t n)
{
    for (const char *end = p + n; p < end;) {
        const char *eol = memchr(p, '\n', end - p);
        size_t part = (eol ? eol + 1 : end) - p, room = sizeof c->head - 1 - (c->at < sizeof c->head ? c->at : sizeof c->head - 1);
        memcpy(c->head + (c->at < sizeof c->head ? c->at : 0), p, part < room ? part : room);
        c->at += part;
        p += part;
        if (!eol) return;
        c->head[c->at < sizeof c->head ? c->at : sizeof c->head - 1] = 0;
        if (strstr(c->head, "\"error\": ")) { fprintf(stderr, "qmpload: refused: %s\n", c->head); exit(1); }
        enum kind kind = !strncmp(c->head, "{\"QMP\"", 6) ? GREETING : !strncmp(c->head, "{\"timestamp\"", 12) ? EVENT : REPLY;
        if (kind == REPLY) reply_bytes = c->at;
        c->seen[kind]++;
        c->at = 0;
    }
}

static void await(struct conn *c, enum kind kind, int count)
{
    for (count += c->seen[kind]; c->seen[kind] < count;) {
        ssize_t n = read(c->fd, in, sizeof in);
        if (n <= 0) die("read");
        int before = c->seen[kind];
        take(c, in, n);
        if (c->seen[kind] > count && before < count) { fprintf(stderr, "qmpload: more replies than requests\n"); exit(1); }
    }
}

static void send_all(struct conn *c, const char *p, size_t n)
{
    while (n) { ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL); if (k <= 0) die("send"); p += k; n -= k; }
}

static struct conn session(const char *path)
{
    struct conn c = { .fd = dial(path) };
    await(&c, GREETING, 1);
    send_all(&c, negotiate, sizeof negotiate - 1);
    await(&c, REPLY, 1);
    return c;
}

/* A request as given, or a file's text. */
static char *text(char *arg)
{
    if (*arg != '@') return arg;
    struct stat s;
    int f = open(arg + 1, O_RDONLY);
    if (f < 0 || fstat(f, &s)) die(arg + 1);
    char *p = calloc(1, s.st_size + 1);
    for (off_t at = 0; at < s.st_size;) { ssize_t n = read(f, p + at, s.st_size - at); if (n <= 0) die(arg + 1); at += n; }
    close(f);
    return p;
}

/* Sends a request and a line's end; # becomes a number. */
static void ask(struct conn *c, const char *request, int number)
{
    static char *line;
    static size_t room;
    size_t len = 0, want = strlen(request) + 2;
    for (const char *p = request; (p = strchr(p, '#')); p++) want += 12;
    if (want > room) line = realloc(line, room = want);
    for (const char *p = request, *mark; ; p = mark + 1) {
        mark = strchr(p, '#');
        size_t part = mark ? (size_t)(mark - p) : strlen(p);
        memcpy(line + len, p, part);
        len += part;
        if (!mark) break;
        len += sprintf(line + len, "%d", number);
    }
    line[len++] = '\n';
    send_all(c, line, len);
}

static void rtt(char **argv)
{
    struct conn c = session(argv[2]);
    int count = atoi(argv[3]), depth = atoi(argv[4]);
    size_t len = strlen(argv[5]);
    char *batch = malloc((len + 1) * depth);
    double *t = malloc(sizeof *t * count);
    for (int i = 0; i < depth; i++) { memcpy(batch + i * (len + 1), argv[5], len); batch[i * (len + 1) + len] = '\n'; }
    double begin = now();
    for (int i = 0; i < count; i++) {
        double x = now();
        send_all(&c, batch, (len + 1) * depth);
        await(&c, REPLY, depth);
        t[i] = now() - x;
    }
    double all = now() - begin;
    report("", t, count);
    printf("rate=%.0f bytes=%zu\n", count * (double)depth / (all / 1e6), reply_bytes);
}

static void each(int argc, char **argv)
{
    struct conn c[8];
    int servers = 0, from = atoi(argv[3]), count = atoi(argv[4]), kinds = argc - 5;
    for (char *path = strtok(argv[2], ","); path && servers < 8; path = strtok(0, ",")) c[servers++] = session(path);
    double *t = malloc(sizeof *t * count * kinds * servers);
    for (int i = 0; i < count; i++)
        for (int turn = 0; turn < servers; turn++)
            for (int k = 0, s = (turn + i) % servers; k < kinds; k++) {
                double x = now();
                ask(&c[s], argv[5 + k], from + i);
                await(&c[s], REPLY, 1);
                t[(s * kinds + k) * count + i] = now() - x;
            }
    for (int s = 0; s < servers; s++)
        for (int k = 0; k < kinds; k++) {
            char name[32];
            sprintf(name, servers == 1 ? "_%d" : "_%d_%c", k, 'a' + s);
            report(name, t + (s * kinds + k) * count, count);
        }
    printf("\n");
}

static void probe(int argc, char **argv)
{
    struct conn c = session(argv[2]);
    int kinds = argc - 5, n = 0, turn = 0;
    double step = atof(argv[3]), due = now() + step, end = due + atof(argv[4]) * 1e6;
    double *t = malloc(sizeof *t * (size_t)(atof(argv[4]) * 1e6 / step + 2));
    struct sigaction on_term = { .sa_handler = stop };
    sigaction(SIGTERM, &on_term, 0);
    prctl(PR_SET_TIMERSLACK, 1);
    for (; due < end && !enough; due += step, turn++) {
        struct timespec at = { .tv_sec = due / 1e6, .tv_nsec = (due - (long)(due / 1e6) * 1e6) * 1e3 };
        while (!enough && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0) == EINTR) { }
        if (enough) break;
        ask(&c, argv[5 + turn % kinds], turn / kinds);
        sigset_t term, old;
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_BLOCK, &term, &old);
        await(&c, REPLY, 1);
        double took = now() - due;
        sigprocmask(SIG_SETMASK, &old, 0);
        if (turn % kinds == 0) t[n++] = took;
    }
    if (!n) { fprintf(stderr, "qmpload: no probe was answered\n"); exit(1); }
    report("", t, n);
    printf("count=%d\n", n);
}

static int epoll;

/* Receives for all until so many of the first connections have seen enough of a kind. */
static void await_all(struct conn *c, int n, enum kind kind, int count, void (*on_line)(struct conn *, enum kind))
{
    int missing = 0;
    struct epoll_event ready[256];
    for (int i = 0; i < n; i++) missing += c[i].seen[kind] < count;
    while (missing) {
        int k = epoll_wait(epoll, ready, 256, 20000);
        if (k <= 0) { errno = k ? errno : ETIMEDOUT; die("epoll_wait"); }
        for (int i = 0; i < k; i++) {
            struct conn *x = ready[i].data.ptr;
            int before[3] = { x->seen[0], x->seen[1], x->seen[2] };
            ssize_t got = read(x->fd, in, sizeof in);
            if (got <= 0) die("a client was closed");
            take(x, in, got);
            for (int of = GREETING; on_line && of <= REPLY; of++)
                for (int l = before[of]; l < x->seen[of]; l++) on_line(x, of);
            if (x < c + n) missing -= before[kind] < count && x->seen[kind] >= count;
        }
    }
}

static void on_greeting(struct conn *c, enum kind kind) { if (kind == GREETING) send_all(c, negotiate, sizeof negotiate - 1); }

static const char *question;
static double *answers;
static int answered;

static void on_answer(struct conn *c, enum kind kind)
{
    if (kind != REPLY || !c->left) return;
    answers[answered] = now() - c->sent;
    c->sum += answers[answered++];
    if (!--c->left) return;
    c->sent = now();
    send_all(c, question, strlen(question));
}

static void query(struct conn *c, int n, int count)
{
    double *mean = malloc(sizeof *mean * n), begin = now();
    int before = c[0].seen[REPLY];
    answers = malloc(sizeof *answers * n * count);
    answered = 0;
    for (int i = 0; i < n; i++) {
        c[i].seen[REPLY] = before;
        c[i].sum = 0;
        c[i].left = count;
        c[i].sent = now();
        send_all(c + i, question, strlen(question));
    }
    await_all(c, n, REPLY, before + count, on_answer);
    double all = now() - begin;
    for (int i = 0; i < n; i++) mean[i] = c[i].sum / count;
    report("", mean, n);
    report("_all", answers, answered);
    printf("rate=%.0f\n", n * (double)count / (all / 1e6));
    free(mean);
    free(answers);
}

static void event(struct conn *c, int n, int count)
{
    double *t = malloc(sizeof *t * count);
    for (int i = 0; i < count; i++) {
        int seen = c[0].seen[EVENT];
        double begin = now();
        ask(c, "{\"execute\": \"cont\"}", 0);
        await_all(c, n, EVENT, seen + 1, 0);
        t[i] = now() - begin;
        ask(c, "{\"execute\": \"stop\"}", 0);
        await_all(c, n, EVENT, seen + 2, 0);
    }
    report("", t, count);
    printf("\n");
    free(t);
}

static void clients(char **argv)
{
    int n = atoi(argv[3]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct conn *c = calloc(n, sizeof *c);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    double begin = now();
    for (int i = 0; i < n; i++) {
        c[i].fd = dial(argv[2]);
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = c + i };
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c[i].fd, &e)) die("epoll_ctl");
    }
    await_all(c, n, REPLY, 1, on_greeting);
    printf("seconds=%.4f\n", (now() - begin) / 1e6);
    fflush(stdout);
    char order[4096], request[4000];
    int count, some;
    while (fgets(order, sizeof order, stdin)) {
        if (sscanf(order, "event %d", &count) == 1) event(c, n, count);
        else if (sscanf(order, "query %d %d %3998[^\n]", &some, &count, request) == 3 && some <= n) {
            strcat(request, "\n");
            question = request;
            query(c, some, count);
        } else { fprintf(stderr, "qmpload: no such order: %s", order); exit(2); }
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) { fprintf(stderr, "see the head of qmpload.c\n"); return 2; }
    for (int i = 3; i < argc; i++) argv[i] = text(argv[i]);
    if (!strcmp(argv[1], "rtt") && argc == 6) rtt(argv);
    else if (!strcmp(argv[1], "each") && argc > 5) each(argc, argv);
    else if (!strcmp(argv[1], "probe") && argc > 5) probe(argc, argv);
    else if (!strcmp(argv[1], "clients")) clients(argv);
    else return 2;
    return 0;
}
