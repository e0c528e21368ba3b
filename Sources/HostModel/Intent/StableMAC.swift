// SPDX-License-Identifier: GPL-3.0-or-later

extension MACAddress {
    /// The MAC address of a VF that was given none: the same after every reboot, and different on every host.
    ///
    /// SipHash-2-4 with the machine id's 16 bytes as key, over `buslane/mac/1/PF/INDEX` (the PF's address in full, the
    /// index in decimal). The address is the hash's low 48 bits, but the low half of its first octet is 2: an individual,
    /// locally administered address of the quadrant that administrators assign.
    ///
    /// The construction never changes: guests recognize their network cards by it.
    ///
    /// - Parameter machineID: 32 hexadecimal digits.
    /// - Returns: nil for any other machine id.
    ///
    /// Source: machine-id(5); J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012; IEEE Std
    /// 802c-2017 for the quadrants.
    public static func stable(for virtual: VirtualFunction, machineID: String) -> MACAddress? {
        guard machineID.utf8.count == 32, let key = SipHash.Key(hexadecimal: machineID) else { return nil }
        let message = "buslane/mac/1/\(virtual.physicalFunction)/\(virtual.index)"
        let hash = SipHash.hash(Array(message.utf8), key: key)
        return MACAddress(rawValue: hash & 0xf0ff_ffff_ffff | 0x0200_0000_0000)
    }
}

/// SipHash-2-4: a 64-bit hash of a message under a 128-bit key. The hash does not reveal the key.
enum SipHash {
    struct Key {
        let low: UInt64
        let high: UInt64

        init(low: UInt64, high: UInt64) {
            self.low = low
            self.high = high
        }

        /// The octets in the order of their digits, the first one least significant.
        init?(hexadecimal text: String) {
            guard text.allSatisfy({ $0.isASCII && $0.isHexDigit }),
                let first = UInt64(text.prefix(16), radix: 16), let second = UInt64(text.dropFirst(16), radix: 16)
            else { return nil }
            self.init(low: first.byteSwapped, high: second.byteSwapped)
        }
    }

    static func hash(_ message: [UInt8], key: Key) -> UInt64 {
        var state = State(key)
        let whole = message.count / 8 * 8
        for start in stride(from: 0, to: whole, by: 8) { state.take(word(message[start..<start + 8])) }
        // The remaining octets, with the length's low octet as the most significant one.
        state.take(word(message[whole...]) | UInt64(message.count & 0xff) << 56)
        return state.finish()
    }

    /// Little-endian; missing octets are 0.
    private static func word(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private struct State {
        private var v0: UInt64, v1: UInt64, v2: UInt64, v3: UInt64

        init(_ key: Key) {
            v0 = key.low ^ 0x736f_6d65_7073_6575
            v1 = key.high ^ 0x646f_7261_6e64_6f6d
            v2 = key.low ^ 0x6c79_6765_6e65_7261
            v3 = key.high ^ 0x7465_6462_7974_6573
        }

        mutating func take(_ word: UInt64) {
            v3 ^= word
            for _ in 0..<2 { round() }
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xff
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v2 &+= v3
            v1 = Self.rotate(v1, by: 13) ^ v0
            v3 = Self.rotate(v3, by: 16) ^ v2
            v0 = Self.rotate(v0, by: 32)
            v2 &+= v1
            v0 &+= v3
            v1 = Self.rotate(v1, by: 17) ^ v2
            v3 = Self.rotate(v3, by: 21) ^ v0
            v2 = Self.rotate(v2, by: 32)
        }

        private static func rotate(_ word: UInt64, by bits: UInt64) -> UInt64 { word << bits | word >> (64 - bits) }
    }
}
