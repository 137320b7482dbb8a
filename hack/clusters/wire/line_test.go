package wire

import (
	"encoding/binary"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// sent passes n numbered frames through a line, one each millisecond, and returns when each arrived after it was sent, in order of arrival.
func sent(t *testing.T, s Slowness, n int) (numbers []int, late []time.Duration) {
	began := time.Now()
	next := 0
	err := s.carry(
		func() ([]byte, error) {
			if next == n {
				return nil, io.EOF
			}
			time.Sleep(time.Millisecond)
			next++
			return binary.BigEndian.AppendUint32(nil, uint32(next)), nil
		},
		func(data []byte) error {
			number := int(binary.BigEndian.Uint32(data))
			numbers = append(numbers, number)
			late = append(late, time.Since(began)-time.Duration(number)*time.Millisecond)
			return nil
		},
	)
	if err != io.EOF {
		t.Fatal(err)
	}
	return numbers, late
}

func TestALineDelaysEveryFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		numbers, late := sent(t, Slowness{Delay: 50 * time.Millisecond}, 200)
		if len(numbers) != 200 {
			t.Fatalf("%d arrived", len(numbers))
		}
		for i, d := range late {
			if d != 50*time.Millisecond {
				t.Fatalf("frame %d was %v late", numbers[i], d)
			}
		}
	})
}

func TestFramesDoNotOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		numbers, late := sent(t, Slowness{Delay: 20 * time.Millisecond, Jitter: 15 * time.Millisecond}, 500)
		for i, n := range numbers {
			if n != i+1 || late[i] < 5*time.Millisecond || late[i] > 35*time.Millisecond+15*time.Millisecond {
				t.Fatalf("frame %d arrived as number %d, %v late", n, i+1, late[i])
			}
		}
	})
}

func TestALineLosesItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for loss, within := range map[float64][2]int{0: {2000, 2000}, 0.3: {1250, 1550}, 1: {0, 0}} {
			if numbers, _ := sent(t, Slowness{Loss: loss}, 2000); len(numbers) < within[0] || len(numbers) > within[1] {
				t.Errorf("loss %v: %d of 2000 arrived", loss, len(numbers))
			}
		}
	})
}
