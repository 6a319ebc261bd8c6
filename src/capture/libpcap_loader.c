/* Loads the machine's libpcap when one of its functions is first called, and forwards to it.
 *
 * The program is linked against this file instead of libpcap, so that it builds, and reads files,
 * where libpcap is not installed. It holds the functions that the `pcap` crate binds and no others;
 * tests/libpcap_loader.rs compares the names.
 *
 * Without libpcap, or where the installed one lacks a function, a call fails the way the function's
 * manual page says that it can: NULL or an error number, with a message where there is room for one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* Declared here and not included: libpcap's headers need not be installed either. Everything that
 * passes through by address is left incomplete. */
typedef struct pcap pcap_t;
typedef struct pcap_dumper pcap_dumper_t;
typedef struct pcap_if pcap_if_t;
struct pcap_pkthdr;
struct pcap_stat;
struct bpf_program;
typedef void (*pcap_handler)(unsigned char *, const struct pcap_pkthdr *, const unsigned char *);

enum {
    ERRBUF_SIZE = 256, /* PCAP_ERRBUF_SIZE */
    FAILED = -1,       /* PCAP_ERROR */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library;
static char reason[ERRBUF_SIZE];

/* The begin of the message is known to live.rs, which replaces it by an explanation. */
static void load(void)
{
    static const char *const names[] = {"libpcap.so.0.8", "libpcap.so.1", "libpcap.so"};
    /* secure_getenv ignores the variable where the program has more rights than its caller: otherwise
     * anyone could have their own library run with them. */
    const char *chosen = secure_getenv("MQTTSNIFF_LIBPCAP");

    if (chosen != NULL && *chosen != '\0') {
        library = dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
    } else {
        for (size_t i = 0; library == NULL && i < sizeof names / sizeof *names; i++)
            library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    if (library == NULL) {
        const char *error = dlerror();
        snprintf(reason, sizeof reason, "libpcap can't be loaded: %s", error != NULL ? error : "unknown reason");
    }
}

/* The address of a function, or NULL and, where there is room, why. */
static void *find(const char *name, char *errbuf)
{
    void *symbol = NULL;

    pthread_once(&once, load);
    if (library != NULL)
        symbol = dlsym(library, name);
    if (symbol == NULL && errbuf != NULL) {
        if (library == NULL)
            snprintf(errbuf, ERRBUF_SIZE, "%s", reason);
        else
            snprintf(errbuf, ERRBUF_SIZE, "the installed libpcap is too old: it lacks %s", name);
    }
    return symbol;
}

/* FORWARD defines one function: type, name, parameters, arguments, error buffer, value on failure.
 * The prototype comes first so that the address can take its type. A function pointer is copied out
 * of the void pointer, as POSIX asks of users of dlsym. The address is looked up on each call, which
 * costs tens of nanoseconds; none is called per frame but pcap_next_ex, which fetches one from the
 * kernel's ring and is not used for bulk. */
#define FORWARD(type, name, params, args, errbuf, failure)                                                             \
    type name params;                                                                                                  \
    type name params                                                                                                   \
    {                                                                                                                  \
        type(*forward) params;                                                                                         \
        *(void **)&forward = find(#name, errbuf);                                                                      \
        return forward != NULL ? forward args : (failure);                                                             \
    }

/* The same for functions that return nothing. */
#define FORWARD_VOID(name, params, args)                                                                               \
    void name params;                                                                                                  \
    void name params                                                                                                   \
    {                                                                                                                  \
        void(*forward) params;                                                                                         \
        *(void **)&forward = find(#name, NULL);                                                                        \
        if (forward != NULL)                                                                                           \
            forward args;                                                                                              \
    }

/* Opening and closing. */
FORWARD(pcap_t *, pcap_create, (const char *device, char *errbuf), (device, errbuf), errbuf, NULL)
FORWARD(int, pcap_activate, (pcap_t *p), (p), NULL, FAILED)
FORWARD(pcap_t *, pcap_open_dead, (int link, int snaplen), (link, snaplen), NULL, NULL)
FORWARD(pcap_t *, pcap_open_dead_with_tstamp_precision, (int link, int snaplen, unsigned precision),
        (link, snaplen, precision), NULL, NULL)
FORWARD(pcap_t *, pcap_open_offline, (const char *path, char *errbuf), (path, errbuf), errbuf, NULL)
FORWARD(pcap_t *, pcap_open_offline_with_tstamp_precision, (const char *path, unsigned precision, char *errbuf),
        (path, precision, errbuf), errbuf, NULL)
FORWARD(pcap_t *, pcap_fopen_offline, (FILE *file, char *errbuf), (file, errbuf), errbuf, NULL)
FORWARD(pcap_t *, pcap_fopen_offline_with_tstamp_precision, (FILE *file, unsigned precision, char *errbuf),
        (file, precision, errbuf), errbuf, NULL)
FORWARD_VOID(pcap_close, (pcap_t *p), (p))

/* Settings before activation. */
FORWARD(int, pcap_set_snaplen, (pcap_t *p, int snaplen), (p, snaplen), NULL, FAILED)
FORWARD(int, pcap_set_promisc, (pcap_t *p, int on), (p, on), NULL, FAILED)
FORWARD(int, pcap_set_rfmon, (pcap_t *p, int on), (p, on), NULL, FAILED)
FORWARD(int, pcap_set_timeout, (pcap_t *p, int milliseconds), (p, milliseconds), NULL, FAILED)
FORWARD(int, pcap_set_buffer_size, (pcap_t *p, int bytes), (p, bytes), NULL, FAILED)
FORWARD(int, pcap_set_immediate_mode, (pcap_t *p, int on), (p, on), NULL, FAILED)
FORWARD(int, pcap_set_tstamp_type, (pcap_t *p, int type), (p, type), NULL, FAILED)
FORWARD(int, pcap_set_tstamp_precision, (pcap_t *p, int precision), (p, precision), NULL, FAILED)

/* Reading and sending. */
FORWARD(int, pcap_loop, (pcap_t *p, int count, pcap_handler handler, unsigned char *user), (p, count, handler, user),
        NULL, FAILED)
FORWARD(int, pcap_dispatch, (pcap_t *p, int count, pcap_handler handler, unsigned char *user),
        (p, count, handler, user), NULL, FAILED)
FORWARD(int, pcap_next_ex, (pcap_t *p, struct pcap_pkthdr **header, const unsigned char **data), (p, header, data),
        NULL, FAILED)
FORWARD_VOID(pcap_breakloop, (pcap_t *p), (p))
FORWARD(int, pcap_sendpacket, (pcap_t *p, const unsigned char *data, int length), (p, data, length), NULL, FAILED)
FORWARD(int, pcap_setdirection, (pcap_t *p, unsigned direction), (p, direction), NULL, FAILED)
FORWARD(int, pcap_setnonblock, (pcap_t *p, int on, char *errbuf), (p, on, errbuf), errbuf, FAILED)
FORWARD(int, pcap_stats, (pcap_t *p, struct pcap_stat *stats), (p, stats), NULL, FAILED)
FORWARD(int, pcap_fileno, (pcap_t *p), (p), NULL, FAILED)
FORWARD(int, pcap_get_selectable_fd, (pcap_t *p), (p), NULL, FAILED)
FORWARD(char *, pcap_geterr, (pcap_t *p), (p), NULL, reason)
FORWARD(int, pcap_major_version, (pcap_t *p), (p), NULL, 0)
FORWARD(int, pcap_minor_version, (pcap_t *p), (p), NULL, 0)

/* Filters. */
FORWARD(int, pcap_compile, (pcap_t *p, struct bpf_program *program, const char *text, int optimize, unsigned netmask),
        (p, program, text, optimize, netmask), NULL, FAILED)
FORWARD(int, pcap_setfilter, (pcap_t *p, struct bpf_program *program), (p, program), NULL, FAILED)
FORWARD_VOID(pcap_freecode, (struct bpf_program *program), (program))
FORWARD(int, pcap_offline_filter,
        (const struct bpf_program *program, const struct pcap_pkthdr *header, const unsigned char *data),
        (program, header, data), NULL, 0)

/* Link types. */
FORWARD(int, pcap_datalink, (pcap_t *p), (p), NULL, FAILED)
FORWARD(int, pcap_list_datalinks, (pcap_t *p, int **links), (p, links), NULL, FAILED)
FORWARD(int, pcap_set_datalink, (pcap_t *p, int link), (p, link), NULL, FAILED)
FORWARD_VOID(pcap_free_datalinks, (int *links), (links))
FORWARD(int, pcap_datalink_name_to_val, (const char *name), (name), NULL, FAILED)
FORWARD(const char *, pcap_datalink_val_to_name, (int link), (link), NULL, NULL)
FORWARD(const char *, pcap_datalink_val_to_description, (int link), (link), NULL, NULL)

/* Writing files. */
FORWARD(pcap_dumper_t *, pcap_dump_open, (pcap_t *p, const char *path), (p, path), NULL, NULL)
FORWARD(pcap_dumper_t *, pcap_dump_fopen, (pcap_t *p, FILE *file), (p, file), NULL, NULL)
FORWARD(pcap_dumper_t *, pcap_dump_open_append, (pcap_t *p, const char *path), (p, path), NULL, NULL)
FORWARD(int, pcap_dump_flush, (pcap_dumper_t *dumper), (dumper), NULL, FAILED)
FORWARD_VOID(pcap_dump_close, (pcap_dumper_t *dumper), (dumper))
FORWARD_VOID(pcap_dump, (unsigned char *user, const struct pcap_pkthdr *header, const unsigned char *data),
             (user, header, data))

/* Devices. */
FORWARD(int, pcap_findalldevs, (pcap_if_t **devices, char *errbuf), (devices, errbuf), errbuf, FAILED)
FORWARD_VOID(pcap_freealldevs, (pcap_if_t *devices), (devices))
