// SPDX-License-Identifier: GPL-3.0-or-later
// Clients that claim a function and release it, over and over: clients SOCKET POOL HOW-MANY SECONDS
//
// Each has a connection and a thread of its own, and does no more than HTTP asks of it: on a machine with few processors
// a client that is busy with itself would be measured in place of the daemon. Prints a line for each cycle, its
// nanoseconds. A HOW-MANY of 0 is one client that only asks for the daemon's health.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *place, *pool;
static double seconds;

struct client {
    pthread_t thread;
    int number, socket;
    long count, room;
    long *times; // nanoseconds, one a cycle
    char answer[65536];
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "error: %s: %s\n", what, why);
    exit(1);
}

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void join(struct client *client) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", place);
    client->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(client->socket, (struct sockaddr *)&address, sizeof address)) fail(place, "no connection");
}

// The body of the answer; ends the program for any other than 200.
static const char *ask(struct client *client, const char *method, const char *route, const char *body) {
    char request[1024];
    int length = snprintf(request, sizeof request,
        "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", method, route,
        strlen(body), body);
    if (write(client->socket, request, length) != length) fail(route, "the daemon does not listen");
    size_t have = 0;
    while (1) {
        ssize_t count = read(client->socket, client->answer + have, sizeof client->answer - 1 - have);
        if (count <= 0) fail(route, "no answer");
        have += count;
        client->answer[have] = 0;
        char *end = strstr(client->answer, "\r\n\r\n");
        if (!end) continue;
        char *size = strcasestr(client->answer, "content-length:");
        if (!size || size > end) fail(route, "an answer without a length");
        if (have < (size_t)(end + 4 - client->answer) + strtoul(size + 15, NULL, 10)) continue;
        if (strncmp(client->answer, "HTTP/1.1 200", 12)) fail(route, client->answer);
        return end + 4;
    }
}

static void cycle(struct client *client) {
    char body[256], claim[32];
    snprintf(body, sizeof body, "{\"pool\":\"%s\",\"count\":1,\"owner\":\"bench-%d\"}", pool, client->number);
    const char *answer = ask(client, "POST", "/v1/claims", body);
    const char *id = strstr(answer, "\"id\"");
    if (!id || sscanf(id, "\"id\"%*[: ]\"%31[a-z0-9]", claim) != 1) fail("an answer without a claim", answer);
    snprintf(body, sizeof body, "{\"claims\":[\"%s\"]}", claim);
    ask(client, "POST", "/v1/claims/release", body);
}

static void *run(void *argument) {
    struct client *client = argument;
    long end = now() + (long)(seconds * 1e9);
    for (long began = now(); began < end;) {
        if (client->number < 0) ask(client, "GET", "/v1/health", "");
        else cycle(client);
        long ended = now();
        if (client->count == client->room) {
            client->room = client->room ? client->room * 2 : 1024;
            client->times = realloc(client->times, client->room * sizeof *client->times);
        }
        client->times[client->count++] = ended - began;
        began = ended;
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 5) fail("arguments", "SOCKET POOL HOW-MANY SECONDS");
    place = arguments[1], pool = arguments[2], seconds = atof(arguments[4]);
    int asked = atoi(arguments[3]), many = asked > 0 ? asked : 1;
    struct client *clients = calloc(many, sizeof *clients);
    for (int number = 0; number < many; number++) {
        clients[number].number = asked > 0 ? number : -1;
        join(&clients[number]);
    }
    for (int number = 0; number < many; number++) pthread_create(&clients[number].thread, NULL, run, &clients[number]);
    for (int number = 0; number < many; number++) {
        pthread_join(clients[number].thread, NULL);
        for (long position = 0; position < clients[number].count; position++) printf("%ld\n", clients[number].times[position]);
    }
    return 0;
}
