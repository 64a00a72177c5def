package monitoring

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Rule is one alert.
type Rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// ReadRules reads the files of a pattern.
func ReadRules(pattern string) ([]Rule, error) {
	type file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []Rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	var rules []Rule
	err := eachFile(pattern, func(_ string, f file) {
		for _, group := range f.Groups {
			rules = append(rules, group.Rules...)
		}
	})
	return rules, err
}

// eachFile decodes the files of a pattern; what they hold and T does not know is
// an error, and so is a pattern without files.
func eachFile[T any](pattern string, fn func(path string, content T)) error {
	paths, err := filepath.Glob(pattern)
	if err == nil && len(paths) == 0 {
		err = errors.New("there is no such file")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", pattern, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
		if err != nil {
			return err
		}
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		var content T
		if err := decoder.Decode(&content); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		fn(path, content)
	}
	return nil
}

// Shorten divides the times of a file of rules by a factor, so that a test need
// not wait as long as people would: how long something must last (for:), and the
// windows that rates are taken over ([5m]). Everything else stays as it is, the
// expressions above all, and with them their thresholds. It is the one place
// where the rules of a test differ from those that are shipped.
func Shorten(rules string, factor int) (string, error) {
	var failed error
	times := regexp.MustCompile(`(?m)(^ +for: |\[)(\d+)([smhd])(\]|$)`)
	short := times.ReplaceAllStringFunc(rules, func(match string) string {
		parts := times.FindStringSubmatch(match)
		n, err := strconv.Atoi(parts[2])
		milliseconds := (time.Duration(n) * units()[parts[3]] / time.Duration(factor)).Milliseconds()
		if err == nil && milliseconds == 0 {
			err = fmt.Errorf("%s by %d is nothing", parts[2]+parts[3], factor)
		}
		failed = errors.Join(failed, err)
		return parts[1] + strconv.FormatInt(milliseconds, 10) + "ms" + parts[4]
	})
	return short, failed
}

func units() map[string]time.Duration {
	return map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
}
