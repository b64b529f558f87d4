// A pool of workers in Java: the executor of java.util.concurrent, whose queue has no bound.

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

class Main {
    private static final DateTimeFormatter TIMESTAMP =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSSSSS");
    private static final int BACKLOG = 128;
    /** How long to wait after a failed accept, in milliseconds. */
    private static final int ACCEPT_PAUSE = 20;

    public static void main(String[] arguments) throws InterruptedException {
        String address = arguments.length > 0 ? arguments[0] : "127.0.0.1:5000";
        int workers = workers(arguments.length > 1 ? arguments[1] : "4");
        ServerSocket listener = listen(address);
        System.out.println("Server listening on " + name(listener.getLocalSocketAddress()));
        ExecutorService pool = Executors.newFixedThreadPool(workers);
        while (true) {
            try {
                Socket client = listener.accept();
                pool.execute(() -> handle(client));
            } catch (IOException error) {
                System.err.println("cannot accept a client: " + error.getMessage());
                Thread.sleep(ACCEPT_PAUSE);
            }
        }
    }

    private static int workers(String text) {
        try {
            int workers = Integer.parseInt(text);
            if (workers > 0) {
                return workers;
            }
        } catch (NumberFormatException error) {
            // Refused below, as 0 is.
        }
        throw refuse("WORKERS must be a whole number from 1 up, not " + text);
    }

    private static ServerSocket listen(String address) {
        try {
            int colon = address.lastIndexOf(':');
            int port = Integer.parseInt(address.substring(colon + 1));
            ServerSocket listener = new ServerSocket();
            listener.bind(new InetSocketAddress(address.substring(0, colon), port), BACKLOG);
            return listener;
        } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException error) {
            throw refuse("cannot listen on " + address + ": " + error.getMessage());
        }
    }

    private static RuntimeException refuse(String reason) {
        System.err.println("ex04: " + reason);
        System.exit(1);
        return new IllegalStateException("not reached");
    }

    private static String name(java.net.SocketAddress address) {
        InetSocketAddress internet = (InetSocketAddress) address;
        return internet.getAddress().getHostAddress() + ":" + internet.getPort();
    }

    /** An exception that leaves this method ends its thread; the executor then starts another. */
    private static void handle(Socket client) {
        String peer = name(client.getRemoteSocketAddress());
        System.out.println("[+] Connected: " + peer);
        try (client) {
            serve(client);
        } catch (IOException error) {
            System.err.println(peer + ": " + error.getMessage());
        } finally {
            System.out.println("[-] Disconnected: " + peer);
        }
    }

    private static void serve(Socket client) throws IOException {
        InputStream input = new BufferedInputStream(client.getInputStream());
        OutputStream output = client.getOutputStream();
        // Not BufferedReader.readLine: a carriage return would end a line there.
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = input.read(); next != -1; next = input.read()) {
            line.write(next);
            if (next == '\n') {
                reply(line, output);
            }
        }
        if (line.size() > 0) {
            reply(line, output);
        }
    }

    private static void reply(ByteArrayOutputStream line, OutputStream output) throws IOException {
        String message = line.toString(StandardCharsets.UTF_8).strip();
        line.reset();
        if (message.equals("panic")) {
            throw new IllegalStateException("a client asked for a panic");
        }
        String timestamp = LocalDateTime.now().format(TIMESTAMP);
        String reply = "[" + timestamp + "] Server got '" + message + "'\n";
        output.write(reply.getBytes(StandardCharsets.UTF_8));
    }
}
