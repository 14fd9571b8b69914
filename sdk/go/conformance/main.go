// The worker that the conformance suite runs; docs/worker-protocol.md says what it has to do.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"stellarindex/worker"
)

// payload has the fields of all kinds.
type payload struct {
	Message  string
	Failures int
	Seconds  float64
	Tokens   int
	Content  string
}

type handler func(ctx context.Context, job *worker.Job, given payload) (any, error)

var handlers = map[string]handler{
	"conformance.echo": func(_ context.Context, job *worker.Job, _ payload) (any, error) {
		result := map[string]any{"attempt": job.Attempt, "payload": job.Payload, "traceparent": nil}
		if job.Traceparent != "" {
			result["traceparent"] = job.Traceparent
		}
		return result, nil
	},
	"conformance.permanent": func(_ context.Context, _ *worker.Job, given payload) (any, error) {
		return nil, worker.Permanent(errors.New(given.Message))
	},
	"conformance.flaky": func(_ context.Context, job *worker.Job, given payload) (any, error) {
		if job.Attempt <= given.Failures {
			return nil, fmt.Errorf("attempt %d fails", job.Attempt)
		}
		return map[string]any{"attempt": job.Attempt}, nil
	},
	"conformance.text": func(context.Context, *worker.Job, payload) (any, error) {
		return nil, errors.New("naïve 💫 [\x00] end")
	},
	"conformance.long": func(ctx context.Context, job *worker.Job, given payload) (any, error) {
		job.Progress(0.5)
		return nil, wait(ctx, time.Duration(given.Seconds*float64(time.Second)))
	},
	"conformance.hang": func(ctx context.Context, job *worker.Job, _ payload) (any, error) {
		<-ctx.Done()
		fmt.Println("aborted", job.ID)
		return nil, ctx.Err()
	},
	"conformance.throttled": func(_ context.Context, job *worker.Job, _ payload) (any, error) {
		if job.Attempt == 1 {
			return nil, &worker.Throttled{Message: "429 Too Many Requests", Status: 429, RetryAfter: time.Second}
		}
		return nil, nil
	},
	"conformance.tokens": func(ctx context.Context, job *worker.Job, given payload) (any, error) {
		return nil, job.Tokens(ctx, given.Tokens)
	},
	"conformance.artifact": func(_ context.Context, job *worker.Job, given payload) (any, error) {
		return nil, job.Artifact("result.csv", "memory:result.csv", strings.NewReader(given.Content))
	},
}

func wait(ctx context.Context, longest time.Duration) error {
	select {
	case <-time.After(longest):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func handle(ctx context.Context, job *worker.Job) (any, error) {
	var given payload
	// Payloads of other shapes are echoed only.
	_ = json.Unmarshal(job.Payload, &given)
	return handlers[job.Kind](ctx, job, given)
}

func main() {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	var kinds []string
	for kind := range handlers {
		kinds = append(kinds, kind)
	}
	err := worker.Work(stop, worker.Options{
		URL: os.Getenv("CONTROL_URL"), Key: os.Getenv("CONTROL_KEY"), Kinds: kinds, Handler: handle,
		Concurrency: 8, Lease: 5 * time.Second, Poll: 200 * time.Millisecond, Drain: 3 * time.Second,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
