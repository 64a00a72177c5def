package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// settings are those of one command. A setting is a flag and a variable of the
// environment; the flag wins, then the variable, then the default. They are read
// when the command runs, all of them, so that every mistake is named at once.
type settings struct {
	env    *daemon.Env
	flags  *pflag.FlagSet
	prefix string // of the variables
	list   []setting
}

// setting is one of them: how its text becomes its value.
type setting struct {
	flag, variable string
	repeats        bool // every occurrence of the flag counts
	parse          func(text string) error
}

// textFlag keeps a flag's text for later, so that a wrong one does not hide the
// others.
type textFlag struct {
	text, kind string
	given      []string
}

func (f *textFlag) String() string { return f.text }
func (f *textFlag) Type() string   { return f.kind }

// Set keeps every occurrence, for flags that may be repeated; of others the last
// one counts.
func (f *textFlag) Set(text string) error {
	f.text, f.given = text, append(f.given, text)
	return nil
}

// settingsOf begins the settings of a command. All commands of a program share
// its environment: a variable that one of them knows is no mistake for another.
func settingsOf(cmd *cobra.Command, env *daemon.Env) *settings {
	return &settings{env: env, flags: cmd.Flags(), prefix: settingsPrefix}
}

// variable gives the name that a flag has in the environment.
func variable(flag string) string { return variableOf(settingsPrefix, flag) }

func variableOf(prefix, flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settingsPrefix begins every variable that is ours alone.
const settingsPrefix = "ALPHAPULSE_"

// add declares a setting. shown is its default as the help shows it.
func (s *settings) add(flag, kind, shown, usage string, parse func(string) error) {
	name := variableOf(s.prefix, flag)
	s.env.Know(name)
	s.list = append(s.list, setting{flag: flag, variable: name, parse: parse})
	f := s.flags.VarPF(&textFlag{text: shown, kind: kind}, flag, "", usage+" ["+name+"]")
	if kind == "bool" {
		f.NoOptDefVal = "true"
	}
}

func (s *settings) text(into *string, flag, fallback, usage string) {
	*into = fallback
	s.add(flag, "string", fallback, usage, func(text string) error {
		*into = text
		return nil
	})
}

// repeated is a setting that may be given more than once.
func (s *settings) repeated(flag, usage string, parse func(string) error) {
	s.add(flag, "text", "", usage, parse)
	s.list[len(s.list)-1].repeats = true
}

func (s *settings) whole(into *int, flag string, fallback, low, high int, usage string) {
	*into = fallback
	s.add(flag, "int", strconv.Itoa(fallback), usage, func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return fmt.Errorf("want a whole number from %d to %d", low, high)
		}
		*into = n
		return nil
	})
}

func (s *settings) number(into *float64, flag string, fallback float64, usage string) {
	*into = fallback
	s.add(flag, "number", strconv.FormatFloat(fallback, 'f', -1, 64), usage, func(text string) error {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 0 && n < 1e9) {
			return fmt.Errorf("want a number that is not negative")
		}
		*into = n
		return nil
	})
}

func (s *settings) duration(into *time.Duration, flag string, fallback time.Duration, usage string) {
	*into = fallback
	s.add(flag, "duration", fallback.String(), usage, func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("want a positive duration such as 15s or 2m30s")
		}
		*into = d
		return nil
	})
}

func (s *settings) truth(into *bool, flag, usage string) {
	s.add(flag, "bool", "false", usage, func(text string) error {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("want true or false")
		}
		*into = b
		return nil
	})
}

func (s *settings) types(into *[]syncjob.DataType, flag, usage string) {
	*into = syncjob.Requestable()
	s.add(flag, "list", "every type", usage, func(text string) (err error) {
		*into, err = syncjob.ParseTypes(text)
		return err
	})
}

func (s *settings) lanes(into *[]syncjob.Lane, flag, usage string) {
	known := []syncjob.Lane{syncjob.Live, syncjob.Backfill}
	*into = known
	s.add(flag, "list", "live,backfill", usage, func(text string) error {
		var lanes []syncjob.Lane
		for word := range strings.SplitSeq(text, ",") {
			lane := syncjob.Lane(strings.TrimSpace(word))
			if !slices.Contains(known, lane) {
				return fmt.Errorf("unknown lane %q: there are live and backfill", word)
			}
			if !slices.Contains(lanes, lane) {
				lanes = append(lanes, lane)
			}
		}
		*into = lanes
		return nil
	})
}

// read reads every setting from its flag or its variable. Mistakes are noted in
// the environment, whose Err names all of them.
func (s *settings) read() {
	for _, one := range s.list {
		name, texts := s.given(one)
		for _, text := range texts {
			if err := one.parse(text); err != nil {
				s.env.Mistake("%s is %q: %v", name, text, err)
			}
		}
	}
	s.env.UnknownSettings(settingsPrefix)
}

// given is where a setting was given and as what; nothing if it was not. A
// repeated setting is separated by semicolons in the environment.
func (s *settings) given(one setting) (name string, texts []string) {
	if flag := s.flags.Lookup(one.flag); flag.Changed {
		value, ok := flag.Value.(*textFlag)
		if ok && one.repeats {
			return "--" + one.flag, value.given
		}
		return "--" + one.flag, []string{flag.Value.String()}
	}
	value, ok := s.env.Lookup(one.variable)
	switch {
	case !ok:
		return "", nil
	case one.repeats:
		return one.variable, strings.Split(value, ";")
	default:
		return one.variable, []string{value}
	}
}
