package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Job is a job that this worker holds.
type Job struct {
	ID   string
	Kind string
	// Payload is the job's JSON.
	Payload json.RawMessage
	// Attempt is counted from 1.
	Attempt     int
	MaxAttempts int
	// Source and Host are the venue and the host that the job works with; empty for none.
	Source string
	Host   string
	// Feed and RunID are empty for none.
	Feed  string
	RunID string
	// Traceparent is the W3C trace context of whoever submitted the job; send it on as the header traceparent.
	Traceparent string

	ledger *ledger
	lease  lease
	ctx    context.Context
	cancel context.CancelFunc

	mutex       sync.Mutex
	leasedUntil time.Time // Of the monotonic clock.
	progress    *float64
	artifacts   []artifact
	reason      error // Why the job's context is cancelled; nil while it is not.
}

// Progress tells how far the job has come, 0 to 1; the next heartbeat carries it.
func (j *Job) Progress(fraction float64) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.progress = &fraction
}

// Tokens waits until so many requests to the job's host are granted; the claim has granted the first one.
func (j *Job) Tokens(ctx context.Context, count int) error {
	for failures := 0; count > 0; {
		answer, err := j.ledger.tokens(ctx, j.lease, count)
		wait := time.Duration(answer.WaitSeconds * float64(time.Second))
		if isRefused(err) {
			return err
		}
		if err != nil {
			failures++
			wait = callAgain(failures, err)
		} else {
			failures = 0
			count -= answer.Granted
		}
		if count > 0 {
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
	}
	return nil
}

// Artifact adds something that the job produced, by its SHA-256, to the report of its success.
func (j *Job) Artifact(name, uri string, content io.Reader) error {
	digest := sha256.New()
	length, err := io.Copy(digest, content)
	if err != nil {
		return fmt.Errorf("artifact %s: %w", name, err)
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.artifacts = append(j.artifacts, artifact{name, hex.EncodeToString(digest.Sum(nil)), length, uri})
	return nil
}

// abort cancels the job's context, for the first reason that is given.
func (j *Job) abort(reason error) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.reason == nil {
		j.reason = reason
		j.cancel()
	}
}

func (j *Job) abortReason() error {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.reason
}

func (j *Job) heldLease() heldLease {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return heldLease{j.lease, j.progress}
}

func (j *Job) extend(until time.Time) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.leasedUntil = until
}

func (j *Job) leaseEnd() time.Time {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.leasedUntil
}

// sleep waits; it returns the context's error as soon as that is cancelled.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
