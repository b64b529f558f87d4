// The server with a thread for each client, in Go: a goroutine for each client.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// How long to wait after a failed accept: descriptors come back only when clients leave.
const acceptPause = 20 * time.Millisecond

func main() {
	address := "127.0.0.1:5000"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("Server listening on", listener.Addr())
	for {
		client, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(acceptPause)
			continue
		}
		go handle(client)
	}
}

func handle(client net.Conn) {
	defer client.Close()
	peer := client.RemoteAddr()
	fmt.Println("[+] Connected:", peer)
	if err := serve(client); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Println("[-] Disconnected:", peer)
}

func serve(client net.Conn) error {
	lines := bufio.NewReader(client)
	for {
		// At the end of the stream, what came since the last newline is a message too.
		line, err := lines.ReadString('\n')
		if line != "" {
			if err := reply(client, line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func reply(client net.Conn, line string) error {
	message := strings.TrimSpace(strings.ToValidUTF8(line, "\uFFFD"))
	timestamp := time.Now().Format("2006-01-02 15:04:05.000000")
	_, err := fmt.Fprintf(client, "[%s] Server got '%s'\n", timestamp, message)
	return err
}
