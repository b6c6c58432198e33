/* Preloaded into a program on Linux x86-64: hides instructions from whoever asks the processor.
 *
 * The kernel can make `cpuid` fault. The handler then asks with faulting off, takes bits out of the
 * answer and steps over the instruction. What the program compiled in, or the C library chose
 * before, still runs: the processor is able to do everything as before.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef ARCH_CPUID
#define ARCH_CPUID 0x1012
#endif
#define BIT(n) (1u << (n))

static int without_vnni;

static void allow(unsigned long on) { syscall(SYS_arch_prctl, ARCH_CPUID, on); }

static void answer(int number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *at = (const unsigned char *)registers[REG_RIP];
  (void)number;
  (void)info;
  if (at[0] != 0x0f || at[1] != 0xa2) { /* not cpuid: a real fault, which happens again */
    signal(SIGSEGV, SIG_DFL);
    return;
  }
  uint32_t leaf = (uint32_t)registers[REG_RAX], sub = (uint32_t)registers[REG_RCX];
  uint32_t a = leaf, b = 0, c = sub, d = 0;
  allow(1);
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  allow(0);
  if (leaf == 7 && sub == 0) {
    b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31)); /* avx512 f dq ifma cd bw vl */
    c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14)); /* vbmi vbmi2 vnni bitalg vpopcntdq */
    d &= ~(BIT(2) | BIT(3) | BIT(8));    /* 4vnniw 4fmaps vp2intersect */
    d &= ~(BIT(22) | BIT(23) | BIT(24) | BIT(25)); /* amx-bf16, avx512-fp16, amx-tile, amx-int8 */
  } else if (leaf == 7 && sub == 1) {
    a &= ~BIT(5);                        /* avx512-bf16 */
    d &= ~(BIT(8) | BIT(19));            /* amx-complex, avx10 */
    if (without_vnni) {
      a &= ~(BIT(4) | BIT(23));          /* avx-vnni, avx-ifma */
      d &= ~(BIT(4) | BIT(10));          /* avx-vnni-int8, avx-vnni-int16 */
    }
  }
  registers[REG_RAX] = a;
  registers[REG_RBX] = b;
  registers[REG_RCX] = c;
  registers[REG_RDX] = d;
  registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
  struct sigaction action;
  const char *kind = getenv("CCM_TF_PROCESSOR");
  if (kind == NULL) return;
  without_vnni = strcmp(kind, "avx2") == 0;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, NULL);
  if (syscall(SYS_arch_prctl, ARCH_CPUID, 0UL) != 0) {
    perror("This processor or kernel cannot make cpuid fault (arch_prctl ARCH_CPUID)");
    _exit(2);
  }
}
