/* The web server of the end-to-end tests: GET /healthz, /hostname, /version, and files of --directory. Ends on TERM once no request is waiting. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t ending;
static void on_term(int number) { (void)number; ending = 1; }

static void answer(int client, const char *status, const char *body, size_t length) {
  char head[256];
  int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\ncontent-type: text/plain\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n", status, length);
  if (write(client, head, size) < 0 || write(client, body, length) < 0) return;
}

static void serve(int client, const char *directory, const char *version) {
  char request[4096], path[1024], file[2048], body[65536];
  ssize_t got = read(client, request, sizeof request - 1);
  if (got <= 0) return;
  request[got] = 0;
  if (sscanf(request, "%*s %1023s", path) != 1 || strstr(path, "..")) { answer(client, "400 Bad Request", "bad request\n", 12); return; }
  if (!strcmp(path, "/healthz")) { answer(client, "200 OK", "ok\n", 3); return; }
  if (!strcmp(path, "/version")) { int n = snprintf(body, sizeof body, "%s\n", version); answer(client, "200 OK", body, n); return; }
  if (!strcmp(path, "/hostname")) { gethostname(body, sizeof body - 1); strcat(body, "\n"); answer(client, "200 OK", body, strlen(body)); return; }
  snprintf(file, sizeof file, "%s%s", directory, !strcmp(path, "/") ? "/index.html" : path);
  int fd = open(file, O_RDONLY);
  if (fd < 0) { answer(client, "404 Not Found", "not found\n", 10); return; }
  ssize_t n = read(fd, body, sizeof body);
  close(fd);
  answer(client, "200 OK", body, n < 0 ? 0 : n);
}

int main(int count, char **words) {
  int port = 8080;
  const char *directory = "/srv", *version = VERSION;
  for (int i = 1; i < count; i++) {
    if (!strncmp(words[i], "--port=", 7)) port = atoi(words[i] + 7);
    if (!strncmp(words[i], "--directory=", 12)) directory = words[i] + 12;
  }
  struct sigaction action = {.sa_handler = on_term};
  sigaction(SIGTERM, &action, 0);
  sigaction(SIGINT, &action, 0);
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) { perror("listen"); return 1; }
  printf("listening on %d\n", port);
  fflush(stdout);
  struct pollfd waiting = {.fd = listener, .events = POLLIN};
  for (;;) {
    int ready = poll(&waiting, 1, ending ? 0 : 1000);
    if (ready > 0) {
      int client = accept(listener, 0, 0);
      if (client < 0) continue;
      serve(client, directory, version);
      close(client);
    } else if (ending) return 0;
  }
}
