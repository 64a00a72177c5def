package notifier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a webhook. The signature is t=<unix seconds>,v1=<hex>, where the
// hex is the HMAC-SHA-256 of "<unix seconds>.<body>" under the target's secret:
// the time is part of it, so that a copy cannot be sent again later.
const (
	signatureHeader = "X-AlphaPulse-Signature"
	deliveryHeader  = "X-AlphaPulse-Delivery"
)

// sender sends notices over HTTP.
type sender struct {
	client *http.Client
	now    func() time.Time
}

func newSender(timeout time.Duration) sender {
	return sender{now: time.Now, client: &http.Client{
		Timeout: timeout,
		// A redirect would take the notice to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send is nil when the target has taken the notice: an answer of 200 to 299. An
// error does not name the URL, which may be as good as a password.
func (s sender) send(ctx context.Context, t Target, notice Notice) error {
	body, err := bodyOf(t.Form, notice)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errors.New(t.redact(err.Error()))
	}
	request.Header.Set("Content-Type", "application/json")
	if t.Form == formWebhook {
		request.Header.Set(deliveryHeader, strconv.FormatInt(notice.ID, 10)+"/"+t.Name)
		request.Header.Set(signatureHeader, sign(t.Secret.Reveal(), s.now(), body))
	}
	response, err := s.client.Do(request)
	if err != nil {
		return errors.New(t.redact(err.Error()))
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, 200)) // the status says enough
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s: %s", response.Status, t.redact(strings.ToValidUTF8(string(said), "?")))
	}
	return nil
}

func sign(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

func bodyOf(form string, notice Notice) ([]byte, error) {
	if form == formSlack {
		return json.Marshal(map[string]string{"text": sentence(notice)})
	}
	return json.Marshal(notice)
}

// sentence is a notice for people.
func sentence(n Notice) string {
	what := strings.ReplaceAll(n.Kind, "_", " ")
	if n.State == "recovered" {
		return fmt.Sprintf(":white_check_mark: %s: no longer %s, after %s (was: %s)", n.Subject, what,
			n.At.Sub(n.Since).Round(time.Second), n.Message)
	}
	return fmt.Sprintf(":rotating_light: %s: %s: %s", n.Subject, what, n.Message)
}

// Test sends a target a notice that says that it is one.
func Test(ctx context.Context, t Target) error {
	now := time.Now()
	return newSender(sendTimeout).send(ctx, t, Notice{
		Kind: "test", Subject: "AlphaPulse", State: "firing", Message: "this is a test; nothing is wrong", Since: now, At: now,
	})
}
