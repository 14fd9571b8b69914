package worker

import (
	"errors"
	"fmt"
	"math"
	"math/rand"
	"time"
)

// Permanent makes an error one that another attempt would meet as well: the job is failed, whatever attempts are left.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// Throttled is the error of a handler whose host asks for fewer requests: the ledger slows down all jobs of that host,
// and repeats this one.
type Throttled struct {
	Message string
	// Status is the HTTP status; 0 where it was told otherwise.
	Status int
	// RetryAfter is how long the host asks to wait; 0 where it did not say.
	RetryAfter time.Duration
}

func (t *Throttled) Error() string { return t.Message }

// CallRefused is the error of a call that the ledger refuses, and would refuse again.
type CallRefused struct{ Message string }

func (c *CallRefused) Error() string { return c.Message }

func isRefused(err error) bool {
	var refused *CallRefused
	return errors.As(err, &refused)
}

type callDelayed struct {
	message    string
	retryAfter time.Duration
}

func (c *callDelayed) Error() string { return c.message }

var (
	errLeaseLost = errors.New("the lease was lost, or the job was cancelled")
	errStopped   = errors.New("the worker stops")
	errDeadline  = errors.New("the attempt took longer than it may")
)

func recovered(value any) error { return fmt.Errorf("panic: %v", value) }

// backoff is exponential, with full jitter.
func backoff(first, most time.Duration, count int) time.Duration {
	longest := math.Min(float64(most), float64(first)*math.Pow(2, float64(count-1)))
	return time.Duration(longest * rand.Float64())
}

// callAgain returns how long to wait before a call to the ledger is repeated, never less than the ledger asked for.
func callAgain(failures int, err error) time.Duration {
	wait := backoff(500*time.Millisecond, 15*time.Second, failures)
	var delayed *callDelayed
	if errors.As(err, &delayed) && delayed.retryAfter > wait {
		return delayed.retryAfter
	}
	return wait
}
