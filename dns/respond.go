package dns

import (
	"encoding/binary"

	mdns "github.com/miekg/dns"
)

const (
	headerSize = 12
	// maxUDP is the largest answer over UDP: what passes everywhere without fragments (DNS flag day 2020).
	maxUDP = 1232
	maxTCP = 65535
)

// Respond answers one packet, or returns nil for what deserves no answer: a packet without a whole header, or an answer. A packet
// that cannot be read is refused with FORMERR. Over UDP an answer that is larger than the client takes is cut, with the TC bit. A nil
// source knows nothing yet: SERVFAIL. The turn rotates addresses. The answer may be written into buf.
func Respond(src Source, packet []byte, tcp bool, turn uint64, buf []byte) []byte {
	if len(packet) < headerSize || packet[2]&0x80 != 0 {
		return nil
	}
	req := new(mdns.Msg)
	if err := req.Unpack(packet); err != nil || !whole(packet, req) {
		if opcode := int(packet[2]>>3) & 0xf; opcode != mdns.OpcodeQuery {
			return bare(packet, mdns.RcodeNotImplemented)
		}
		return bare(packet, mdns.RcodeFormatError)
	}
	resp, size := reply(src, req, turn)
	if tcp {
		size = maxTCP
	}
	return pack(resp, size, buf)
}

// whole says whether a packet had all the records that its header counts: the codec is content with fewer.
func whole(packet []byte, m *mdns.Msg) bool {
	count := func(i int) int { return int(binary.BigEndian.Uint16(packet[4+2*i:])) }
	return count(0) == len(m.Question) && count(1) == len(m.Answer) && count(2) == len(m.Ns) && count(3) == len(m.Extra)
}

// bare is an answer of a header only, to a packet that could not be read.
func bare(packet []byte, rcode int) []byte {
	out := make([]byte, headerSize)
	copy(out, packet[:4])
	out[2] = 0x80 | packet[2]&0x79 // an answer; opcode and RD as asked
	out[3] = byte(rcode)
	return out
}

// reply answers a message, and returns how large the answer may be over UDP.
func reply(src Source, req *mdns.Msg, turn uint64) (*mdns.Msg, int) {
	resp := new(mdns.Msg)
	resp.SetReply(req)
	resp.Question = req.Question
	resp.Compress = true
	size := mdns.MinMsgSize
	opt, several := options(req)
	if opt != nil {
		size = min(max(int(opt.UDPSize()), mdns.MinMsgSize), maxUDP)
		own := &mdns.OPT{Hdr: mdns.RR_Header{Name: ".", Rrtype: mdns.TypeOPT}}
		own.SetUDPSize(maxUDP)
		own.SetDo(opt.Do())
		resp.Extra = append(resp.Extra, own)
	}
	switch {
	case req.Opcode != mdns.OpcodeQuery:
		resp.Rcode = mdns.RcodeNotImplemented
	case len(req.Question) != 1 || several:
		resp.Rcode = mdns.RcodeFormatError
	case opt != nil && opt.Version() != 0:
		resp.Rcode = mdns.RcodeBadVers
	case src == nil:
		resp.Rcode = mdns.RcodeServerFailure
	default:
		a := Answer(src, req.Question[0], turn)
		resp.Authoritative, resp.Rcode = a.Authoritative, a.Rcode
		resp.Answer, resp.Ns = a.Answer, a.Ns
		resp.Extra = append(a.Extra, resp.Extra...)
	}
	return resp, size
}

// options returns the OPT record of a message, and whether there are several, which is an error (RFC 6891).
func options(m *mdns.Msg) (opt *mdns.OPT, several bool) {
	for _, rr := range m.Extra {
		if o, ok := rr.(*mdns.OPT); ok {
			several = opt != nil
			opt = o
		}
	}
	return opt, several
}

// pack writes a message in at most size bytes: additional addresses are left out first, which is no loss (RFC 2181, 9); then
// answers, which the TC bit tells.
func pack(m *mdns.Msg, size int, buf []byte) []byte {
	out, err := m.PackBuffer(buf)
	if err == nil && len(out) <= size {
		return out
	}
	opt, _ := options(m)
	m.Extra = nil
	if opt != nil {
		m.Extra = []mdns.RR{opt}
	}
	out, err = m.PackBuffer(buf)
	if err != nil || len(out) > size {
		m.Truncate(size)
		out, err = m.PackBuffer(buf)
	}
	if err != nil {
		fail := new(mdns.Msg)
		fail.SetRcode(m, mdns.RcodeServerFailure)
		fail.Question = nil
		if out, err = fail.Pack(); err != nil {
			return nil
		}
	}
	return out
}
