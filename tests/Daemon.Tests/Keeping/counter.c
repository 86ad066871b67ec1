// A borrower as a VMM is one: takes a backend's descriptor from the daemon, and runs a vCPU on it that counts without end.
//
//   counter SOCKET BACKEND BYTES
//
// The guest's code is at 0x1000 of the memory, its 32-bit counter at 0x2000. Says "ready", then the counter for each line of its input.
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char *what) { perror(what); exit(1); }

static int receive(const char *path, const char *backend)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (connect(s, (struct sockaddr *)&address, sizeof address)) fail("connect");
    dprintf(s, "{\"execute\": \"qmp_capabilities\"}{\"execute\": \"memory-backend-send-fd\", \"arguments\": {\"memdev\": \"%s\"}}\n", backend);
    for (;;) {
        char text[4096], control[CMSG_SPACE(sizeof(int))];
        struct iovec part = { text, sizeof text };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
        ssize_t count = recvmsg(s, &message, 0);
        if (count <= 0) fail("recvmsg");
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        if (head) { int fd; memcpy(&fd, CMSG_DATA(head), sizeof fd); close(s); return fd; }
        if (memmem(text, count, "\"error\"", 7)) { fwrite(text, 1, count, stderr); exit(1); }
    }
}

static void *run(void *vcpu)
{
    for (;;) ioctl((int)(intptr_t)vcpu, KVM_RUN, 0);
}

int main(int argc, char **argv)
{
    // inc dword [0x2000]; mov cx, 8; loop to itself; jmp to the first: 32 bits last for a minute. A KVM that emulates real mode takes 10 us.
    static const uint8_t code[] = { 0x66, 0xff, 0x06, 0x00, 0x20, 0xb9, 0x08, 0x00, 0xe2, 0xfe, 0xeb, 0xf4 };
    size_t size = argc == 4 ? strtoull(argv[3], 0, 0) : 0;
    if (!size) return 2;
    uint8_t *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, receive(argv[1], argv[2]), 0);
    if (memory == MAP_FAILED) fail("mmap");
    memcpy(memory + 0x1000, code, sizeof code);
    int vm = ioctl(open("/dev/kvm", O_RDWR | O_CLOEXEC), KVM_CREATE_VM, 0);
    struct kvm_userspace_memory_region slot = { .memory_size = size, .userspace_addr = (uintptr_t)memory };
    if (vm < 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot)) fail("kvm");
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_sregs sregs;
    if (vcpu < 0 || ioctl(vcpu, KVM_GET_SREGS, &sregs)) fail("vcpu");
    sregs.cs.base = sregs.cs.selector = 0;
    struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
    if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs)) fail("registers");
    pthread_t thread;
    if (pthread_create(&thread, 0, run, (void *)(intptr_t)vcpu)) fail("thread");
    puts("ready");
    fflush(stdout);
    for (char line[16]; fgets(line, sizeof line, stdin); fflush(stdout)) printf("%u\n", *(volatile uint32_t *)(memory + 0x2000));
    return 0;
}
