/* A libpcap that turns on whoever calls it: a capture from it delivers nothing, and the first time that frames are
 * fetched, which is on the thread that fetches them and after the cage is closed, it tries what an intruder would try.
 * Each attempt is told on standard error as "attempt NAME ERRNO", where 0 is a success.
 *
 * HOSTILE names one attempt that the process is not expected to live through; without it all others are made. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int handle;

static void tell(const char *name, long result)
{
    char line[128];
    int length = snprintf(line, sizeof line, "attempt %s %d\n", name, result == -1 ? errno : 0);
    ssize_t ignored = write(2, line, (size_t)length);
    (void)ignored;
}

static void attempt_all(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *bait = getenv("BAIT");
    long child;

    tell("read-shadow", open("/etc/shadow", O_RDONLY));
    tell("read-passwd", open("/etc/passwd", O_RDONLY));
    tell("read-bait", open(bait, O_RDONLY));
    tell("write-bait", open(bait, O_WRONLY));
    tell("truncate-bait", truncate(bait, 0));
    tell("create-file", open("planted", O_WRONLY | O_CREAT, 0600));
    tell("create-directory", mkdir("planted.d", 0700));
    tell("create-link", symlink("/etc/shadow", "planted.link"));
    tell("rename-bait", rename(bait, "planted.bait"));
    tell("remove-bait", unlink(bait));
    tell("chmod-bait", chmod(bait, 0777));
    tell("socket-inet", socket(AF_INET, SOCK_STREAM, 0));
    tell("socket-unix", socket(AF_UNIX, SOCK_STREAM, 0));
    tell("socket-netlink", socket(AF_NETLINK, SOCK_RAW, 0));
    tell("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
    tell("signal-parent", kill(getppid(), 0));
    tell("become-root", syscall(SYS_setresuid, 0, 0, 0));
    tell("raise-limit", setrlimit(RLIMIT_CORE, &limit));
    tell("map-code", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
    tell("make-code", mprotect(page, 4096, PROT_READ | PROT_EXEC));
    tell("type-key", ioctl(0, TIOCSTI, "x"));
    child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    tell("fork", child);
    child = syscall(SYS_clone3, NULL, 0);
    tell("clone3", child);
    tell("done", 0);
}

static void attempt_one(const char *name)
{
    char *const none[] = {NULL};

    tell("begin", 0);
    if (strcmp(name, "execve") == 0)
        execve("/bin/true", none, none);
    else if (strcmp(name, "ptrace") == 0)
        ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
    else if (strcmp(name, "bpf") == 0)
        syscall(SYS_bpf, 0, NULL, 0);
    else if (strcmp(name, "io_uring") == 0)
        syscall(SYS_io_uring_setup, 1, NULL);
    else if (strcmp(name, "mount") == 0)
        syscall(SYS_mount, "none", "/", NULL, 0, NULL);
    else if (strcmp(name, "unshare") == 0)
        syscall(SYS_unshare, 0);
    tell("survived", 0);
}

int pcap_dispatch(void *p, int count, void *handler, unsigned char *user)
{
    static int tried;
    const char *one = getenv("HOSTILE");

    (void)p, (void)count, (void)handler, (void)user;
    if (!tried) {
        tried = 1;
        if (one != NULL)
            attempt_one(one);
        else
            attempt_all();
    }
    poll(NULL, 0, 20);
    return 0;
}

void *pcap_create(const char *device, char *errbuf)
{
    (void)device, (void)errbuf;
    return &handle;
}

int pcap_activate(void *p) { (void)p; return 0; }
void pcap_close(void *p) { (void)p; }
int pcap_set_snaplen(void *p, int value) { (void)p, (void)value; return 0; }
int pcap_set_promisc(void *p, int value) { (void)p, (void)value; return 0; }
int pcap_set_timeout(void *p, int value) { (void)p, (void)value; return 0; }
int pcap_set_buffer_size(void *p, int value) { (void)p, (void)value; return 0; }
int pcap_set_immediate_mode(void *p, int value) { (void)p, (void)value; return 0; }
int pcap_set_tstamp_precision(void *p, int value) { (void)p, (void)value; return 0; }
int pcap_datalink(void *p) { (void)p; return 1; }
int pcap_stats(void *p, void *stat) { (void)p; memset(stat, 0, 12); return 0; }
char *pcap_geterr(void *p) { (void)p; return ""; }
void pcap_breakloop(void *p) { (void)p; }
int pcap_setnonblock(void *p, int on, char *errbuf) { (void)p, (void)on, (void)errbuf; return 0; }
int pcap_get_selectable_fd(void *p) { (void)p; return -1; }
int pcap_findalldevs(void **devices, char *errbuf) { (void)errbuf; *devices = NULL; return 0; }
void pcap_freealldevs(void *devices) { (void)devices; }
