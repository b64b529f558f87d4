// A pool of workers in Go: a fixed number of goroutines that take clients from one queue.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long to wait after a failed accept: descriptors come back only when clients leave.
const acceptPause = 20 * time.Millisecond

// The clients that wait for a worker. A channel would have a capacity, and the accept loop would
// block once it is full.
type queue struct {
	lock    sync.Mutex
	arrived *sync.Cond
	clients []net.Conn
}

func newQueue() *queue {
	q := &queue{}
	q.arrived = sync.NewCond(&q.lock)
	return q
}

func (q *queue) push(client net.Conn) {
	q.lock.Lock()
	defer q.lock.Unlock()
	q.clients = append(q.clients, client)
	q.arrived.Signal()
}

func (q *queue) pop() net.Conn {
	q.lock.Lock()
	defer q.lock.Unlock()
	for len(q.clients) == 0 {
		q.arrived.Wait()
	}
	client := q.clients[0]
	q.clients = q.clients[1:]
	return client
}

func main() {
	address, workers := "127.0.0.1:5000", 4
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if len(os.Args) > 2 {
		var err error
		workers, err = strconv.Atoi(os.Args[2])
		if err != nil || workers < 1 {
			fail(fmt.Errorf("WORKERS must be a whole number from 1 up, not %q", os.Args[2]))
		}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fail(err)
	}
	fmt.Println("Server listening on", listener.Addr())
	waiting := newQueue()
	for i := 0; i < workers; i++ {
		go work(waiting)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(acceptPause)
			continue
		}
		waiting.push(client)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "ex04:", err)
	os.Exit(1)
}

func work(waiting *queue) {
	for {
		handle(waiting.pop())
	}
}

// Serves the client. A panic costs the client its connection, and not the pool its worker.
func handle(client net.Conn) {
	peer := client.RemoteAddr()
	fmt.Println("[+] Connected:", peer)
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintln(os.Stderr, peer, "panicked:", reason)
		}
		client.Close()
		fmt.Println("[-] Disconnected:", peer)
	}()
	if err := serve(client); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
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
	if message == "panic" {
		panic("a client asked for it")
	}
	timestamp := time.Now().Format("2006-01-02 15:04:05.000000")
	_, err := fmt.Fprintf(client, "[%s] Server got '%s'\n", timestamp, message)
	return err
}
