package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"stellarindex/worker"
)

func greet(_ context.Context, job *worker.Job) (any, error) {
	var payload struct{ Name string }
	if json.Unmarshal(job.Payload, &payload) != nil || payload.Name == "" {
		return nil, worker.Permanent(errors.New("payload /name is missing"))
	}
	greeting := "Hello " + payload.Name + "\n"
	err := job.Artifact("greeting.txt", "memory:"+job.ID, strings.NewReader(greeting))
	return map[string]int{"characters": len(greeting)}, err
}

func main() {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	log.SetFlags(0)
	if err := worker.Work(stop, worker.Options{
		URL: os.Getenv("CONTROL_URL"), Key: os.Getenv("CONTROL_KEY"), Kinds: []string{"demo.greet"}, Handler: greet,
	}); err != nil {
		log.Fatal(err)
	}
}
