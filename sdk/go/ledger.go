package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// A claim may wait for locks; one that is given up would leave its jobs leased to nobody.
	claimTimeout = 30 * time.Second
	callTimeout  = 10 * time.Second
)

// ledger is the worker protocol.
type ledger struct {
	base   string
	key    string
	client *http.Client
}

type lease struct {
	JobID      string `json:"job_id"`
	LeaseToken string `json:"lease_token"`
}

type heldLease struct {
	lease
	Progress *float64 `json:"progress,omitempty"`
}

type claimRequest struct {
	Worker       string   `json:"worker"`
	Kinds        []string `json:"kinds"`
	MaxJobs      int      `json:"max_jobs"`
	LeaseSeconds float64  `json:"lease_seconds"`
}

type givenJob struct {
	lease
	Kind        string          `json:"kind"`
	Payload     json.RawMessage `json:"payload"`
	Attempt     int             `json:"attempt"`
	MaxAttempts int             `json:"max_attempts"`
	Source      string          `json:"source"`
	Host        string          `json:"host"`
	Feed        string          `json:"feed"`
	RunID       string          `json:"run_id"`
	Traceparent string          `json:"traceparent"`
}

type report struct {
	lease
	Outcome      string     `json:"outcome"`
	RetrySeconds float64    `json:"retry_seconds"`
	Reason       *string    `json:"reason"`
	Message      string     `json:"message"`
	Throttle     *throttle  `json:"throttle,omitempty"`
	Artifacts    []artifact `json:"artifacts,omitempty"`
}

type throttle struct {
	Status     int     `json:"status,omitempty"`
	RetryAfter float64 `json:"retry_after_seconds,omitempty"`
}

type artifact struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	URI    string `json:"uri"`
}

type grant struct {
	Granted     int     `json:"granted"`
	WaitSeconds float64 `json:"wait_seconds"`
}

func newLedger(url, key string) *ledger {
	// A redirect would turn the call into a GET, or take the key elsewhere.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &ledger{strings.TrimRight(url, "/") + "/control/v1/work/", key, client}
}

func (l *ledger) claim(request claimRequest) ([]givenJob, error) {
	var answer struct{ Jobs []givenJob }
	err := l.call(context.Background(), claimTimeout, "claim", request, &answer)
	return answer.Jobs, err
}

// extend returns, for each lease that is still the worker's, whether it could be extended just now.
func (l *ledger) extend(leases []heldLease, leaseTime time.Duration) (map[string]bool, error) {
	request := map[string]any{"lease_seconds": leaseTime.Seconds(), "leases": leases}
	var answer struct {
		Kept []struct {
			LeaseToken string `json:"lease_token"`
			IsExtended bool   `json:"is_extended"`
		}
	}
	// An answer that comes later than the next heartbeat is of no use.
	err := l.call(context.Background(), leaseTime/3, "extend", request, &answer)
	kept := map[string]bool{}
	for _, each := range answer.Kept {
		kept[each.LeaseToken] = each.IsExtended
	}
	return kept, err
}

// report returns the states of the jobs whose report counts.
func (l *ledger) report(reports []report) ([]string, error) {
	var answer struct {
		Reported []struct{ State string }
	}
	err := l.call(context.Background(), callTimeout, "report", map[string]any{"reports": reports}, &answer)
	var states []string
	for _, each := range answer.Reported {
		states = append(states, each.State)
	}
	return states, err
}

func (l *ledger) tokens(ctx context.Context, held lease, tokens int) (grant, error) {
	request := struct {
		lease
		Tokens int `json:"tokens"`
	}{held, tokens}
	var answer grant
	err := l.call(ctx, callTimeout, "tokens", request, &answer)
	return answer, err
}

func (l *ledger) call(ctx context.Context, timeout time.Duration, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return &CallRefused{err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+path, bytes.NewReader(text))
	if err != nil {
		return &CallRefused{err.Error()}
	}
	request.Header.Set("Authorization", "Bearer "+l.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := l.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode == http.StatusOK {
		return json.Unmarshal(received, answer)
	}
	message := fmt.Sprintf("%s: %d %s", path, response.StatusCode, detailOf(received))
	switch status := response.StatusCode; {
	case status >= 500, status == 408, status == 425, status == 429:
		return &callDelayed{message, retryAfter(response.Header)}
	}
	return &CallRefused{message}
}

// detailOf returns what a problem document says; of another answer, its beginning.
func detailOf(body []byte) string {
	var problem struct{ Detail string }
	if json.Unmarshal(body, &problem) == nil && problem.Detail != "" {
		return problem.Detail
	}
	if len(body) > 200 {
		body = body[:200]
	}
	return string(body)
}

// retryAfter compares a date with the answer's own Date, so that no clock of this machine counts.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	sent, missing := http.ParseTime(header.Get("Date"))
	if err != nil || missing != nil {
		return 0
	}
	return at.Sub(sent)
}
