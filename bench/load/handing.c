/* A command that hands its standard input and output over a unix socket: what a relay's pipes carry is then counted in the server, as for sockets. */
#define _GNU_SOURCE
#include "load.h"

#include <string.h>
#include <unistd.h>

union room {
    struct cmsghdr first;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
};

void hand_over(const char *path) {
    struct address address = parse_address(path);
    int control = connect_to(&address, 0), ends[] = {0, 1};
    union room room = {0};
    struct iovec one = {.iov_base = "!", .iov_len = 1};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    room.first.cmsg_level = SOL_SOCKET;
    room.first.cmsg_type = SCM_RIGHTS;
    room.first.cmsg_len = CMSG_LEN(sizeof ends);
    memcpy(CMSG_DATA(&room.first), ends, sizeof ends);
    end_all_after(120);
    if (sendmsg(control, &message, 0) != 1) fail("can't hand over");
    close(0); /* or the ends of file that the server makes would not be seen */
    close(1);
    char byte;
    (void)!read(control, &byte, 1); /* until the server ends: the relay would take the command's end for the connection's */
}

bool take_over(int control, int ends[2]) {
    union room room = {0};
    char byte;
    struct iovec one = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    if (recvmsg(control, &message, MSG_CMSG_CLOEXEC) != 1 || room.first.cmsg_type != SCM_RIGHTS) return false;
    memcpy(ends, CMSG_DATA(&room.first), 2 * sizeof(int));
    return true;
}
