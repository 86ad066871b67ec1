/* A guest that copies 64 MiB to and fro twelve times in 64-bit user mode, where every KVM runs it natively, and writes the time each took,
   in ticks of the TSC as 16 hexadecimal digits a line, to port 0xe9. Then it ends QEMU by port 0xf4. Multiboot, version 1. */
.code32
.section .text
.align 4
header:
  .long 0x1BADB002, 0x00010003, -(0x1BADB002 + 0x00010003), header, header, loaded, end, start
.globl start
start:
  cli
  movl $stack, %esp
  /* One gigabyte, address for address, in pages of 2 MiB that user mode may use. */
  movl $level3, %eax; orl $7, %eax; movl %eax, level4
  movl $level2, %eax; orl $7, %eax; movl %eax, level3
  movl $0, %ecx
1: movl %ecx, %eax; shll $21, %eax; orl $0x87, %eax
  movl %eax, level2(,%ecx,8); movl $0, level2+4(,%ecx,8)
  incl %ecx; cmpl $512, %ecx; jne 1b
  movl $level4, %eax; movl %eax, %cr3
  movl %cr4, %eax; orl $0x620, %eax; movl %eax, %cr4
  movl $0xC0000080, %ecx; rdmsr; orl $0x100, %eax; wrmsr
  movl %cr0, %eax; orl $0x80000001, %eax; movl %eax, %cr0
  lgdt descriptor
  ljmp $8, $long
.code64
long:
  movw $16, %ax; movw %ax, %ss; movw %ax, %ds; movw %ax, %es
  pushq $0x1b
  pushq $stack
  pushq $0x3002
  pushq $0x23
  pushq $user
  iretq
user:
  movq $0x4000000, %rdi; movq $0x8000000, %rcx; movb $0x5a, %al; cld; rep stosb
  movq $12, %r12
2: rdtsc; shlq $32, %rdx; orq %rax, %rdx; movq %rdx, %r8
  movq $0x4000000, %rsi; movq $0x8000000, %rdi; movq $0x4000000/8, %rcx; rep movsq
  movq $0x8000000, %rsi; movq $0x4000000, %rdi; movq $0x4000000/8, %rcx; rep movsq
  rdtsc; shlq $32, %rdx; orq %rax, %rdx; subq %r8, %rdx
  movq $16, %r9
3: rolq $4, %rdx; movb %dl, %al; andb $15, %al; addb $48, %al; cmpb $57, %al; jbe 4f; addb $39, %al
4: outb %al, $0xe9
  decq %r9; jnz 3b
  movb $10, %al; outb %al, $0xe9
  decq %r12; jnz 2b
  movb $0, %al; outb %al, $0xf4
5: jmp 5b
.data
.align 8
table: .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff, 0x00cff2000000ffff, 0x00affa000000ffff
descriptor: .word 39
  .long table
loaded:
.bss
.align 4096
level4: .skip 4096
level3: .skip 4096
level2: .skip 4096
.skip 8192
stack:
end:
