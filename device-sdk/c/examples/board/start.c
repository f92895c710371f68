/* What a Cortex-M4F needs before main: a vector table, memory as C expects it, and the FPU. */
#include <stdint.h>

extern uint32_t data_begin, data_end, data_load, bss_begin, bss_end, stack_top;
int main(void);
void systick(void);
void reset(void);

static void stopped(void) {
  for (;;) {
  }
}

void reset(void) {
  *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* both halves of the FPU */
  __asm__ volatile("dsb\nisb");
  uint32_t *from = &data_load;
  for (uint32_t *to = &data_begin; to < &data_end;)
    *to++ = *from++;
  for (uint32_t *to = &bss_begin; to < &bss_end;)
    *to++ = 0;
  main();
  stopped();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &stack_top, reset, stopped, stopped, stopped, stopped, stopped, 0,
    0,          0,     0,       stopped, stopped, 0,       stopped, systick,
};
