/* Calls to the host by which a board under QEMU, or behind a debug probe, reads files, prints and
 * ends. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>
#include <string.h>

enum { READ_AND_WRITE = 3, WRITE_ANEW = 5 };

static uint32_t host(uint32_t operation, const void *block) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

/* A file's handle, or -1. */
static int host_open(const char *name, uint32_t mode) {
  return (int)host(0x01, (uint32_t[]){(uint32_t)name, mode, strlen(name)});
}

static uint32_t host_len(int file) { return host(0x0c, (uint32_t[]){(uint32_t)file}); }

static int host_seek(int file, uint32_t offset) {
  return host(0x0a, (uint32_t[]){(uint32_t)file, offset}) ? -1 : 0;
}

static int host_read(int file, void *bytes, size_t len) {
  return host(0x06, (uint32_t[]){(uint32_t)file, (uint32_t)bytes, len}) ? -1 : 0;
}

static int host_write(int file, const void *bytes, size_t len) {
  return host(0x05, (uint32_t[]){(uint32_t)file, (uint32_t)bytes, len}) ? -1 : 0;
}

static void print(const char *text) { host(0x04, text); }

static void print_number(uint64_t number) {
  char text[24], *at = text + sizeof text;
  *--at = 0;
  do
    *--at = (char)('0' + number % 10);
  while (number /= 10);
  print(at);
}

/* The number behind `name=` in the words that QEMU was given for this image, or -1. */
static long argument(const char *name) {
  static char line[128];
  if (host(0x15, (uint32_t[]){(uint32_t)line, sizeof line}))
    return -1;
  size_t len = strlen(name);
  for (const char *word = line; word; word = strchr(word, ' ')) {
    word += *word == ' ';
    if (strncmp(word, name, len) || word[len] != '=')
      continue;
    long number = 0;
    for (word += len + 1; *word >= '0' && *word <= '9'; word++)
      number = number * 10 + *word - '0';
    return number;
  }
  return -1;
}

__attribute__((noreturn)) static void end(int code) {
  for (;;)
    host(0x20, (uint32_t[]){0x20026, (uint32_t)code});
}

#endif
