/* Runs a command, presses Ctrl-C as soon as a file exists, and exits with the command's status.
 *
 *   interrupt.exe FILE COMMAND-LINE
 *
 * Both are in one process group, so both receive it; this program ignores it. It needs a console. */
#include <stdio.h>
#include <windows.h>

int main(int argc, char **argv)
{
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    DWORD status, waited = 0;

    if (argc != 3) {
        fputs("usage: interrupt FILE COMMAND-LINE\n", stderr);
        return 200;
    }
    if (!CreateProcessA(NULL, argv[2], NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) {
        fprintf(stderr, "interrupt: cannot start the command, error %lu\n", GetLastError());
        return 201;
    }
    while (GetFileAttributesA(argv[1]) == INVALID_FILE_ATTRIBUTES) {
        if (WaitForSingleObject(process.hProcess, 20) != WAIT_TIMEOUT || ++waited == 1500) {
            fputs("interrupt: the command ended, or 30 s went by, before the file appeared\n", stderr);
            TerminateProcess(process.hProcess, 202);
            return 202;
        }
    }
    /* Not earlier: a new process inherits it. */
    if (!SetConsoleCtrlHandler(NULL, TRUE) || !GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0)) {
        fprintf(stderr, "interrupt: cannot press Ctrl-C, error %lu\n", GetLastError());
        return 203;
    }
    if (WaitForSingleObject(process.hProcess, 30000) != WAIT_OBJECT_0) {
        fputs("interrupt: the command still runs 30 s after Ctrl-C\n", stderr);
        TerminateProcess(process.hProcess, 204);
        return 204;
    }
    GetExitCodeProcess(process.hProcess, &status);
    return (int)status;
}
