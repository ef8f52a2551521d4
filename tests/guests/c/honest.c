// An honest actor in C: prints, sends itself what it was given, receives that by a pattern and returns it. `honest.wasm` is
// this file as `zig cc` made it, since not every machine that runs the tests has a compiler for it:
//
//     zig cc -target wasm32-wasi -mexec-model=reactor -Oz -s -o honest.wasm honest.c
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *bytes;
    size_t length;
} text;

// What the component model lowers `result<string, string>` and `result<option<received>, string>` to.
typedef struct {
    bool failed;
    text value;
} answer;

typedef struct {
    bool failed;
    union {
        text refusal;
        struct {
            bool some;
            uint32_t pattern;
            bool from_host;
            text message;
        } received;
    };
} taken;

// The names on this side have a prefix: libc has a `send`.
#define CONTRACT(function) \
    __attribute__((import_module("greenroom:actor/host@0.1.0"), import_name(function)))

CONTRACT("curaddr") void node_curaddr(text *address);
CONTRACT("send") void node_send(const char *to, size_t to_length, const char *message, size_t length, answer *sent);
CONTRACT("receive") void node_receive(const text *patterns, size_t count, bool times, uint32_t ms, taken *taken);

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)old_size, (void)align;
    void *new = realloc(old, size);
    if (!new) abort();
    return new;
}

__attribute__((export_name("run"))) answer *run(const char *entry, size_t entry_length, char *args, size_t length) {
    static answer ended;
    printf("an actor in C runs %.*s\n", (int)entry_length, entry);
    text self;
    node_curaddr(&self);
    node_send(self.bytes, self.length, args, length, &ended);
    if (ended.failed) return &ended;
    const text pattern = {"{\"$type\": \"array\"}", 18};
    taken taken;
    node_receive(&pattern, 1, false, 0, &taken);
    ended.failed = taken.failed;
    ended.value = taken.failed ? taken.refusal : taken.received.message;
    return &ended;
}
