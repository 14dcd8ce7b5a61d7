"""LLRP by other hands: clients that meet our simulated reader, and a reader that meets our client.

    llrp_peers.py sllurp PORT SECONDS    inventories with sllurp for so long
    llrp_peers.py writer PORT NEW_EPC    writes NEW_EPC to the one tag in the field with pyllrp's TagWriter
    llrp_peers.py reader TAGS            is a reader, made of pyllrp's messages, that reports TAGS tags

Each prints one JSON object at its end; the reader prints its port first. sllurp and pyllrp come from PyPI and know
nothing of each other or of us; pyllrp checks every message against the definitions of the standard, and the reader here
packs each request again and compares the bytes.
"""

import json
import random
import socket
import sys
import time


def sllurp_inventory(port, seconds):
    from sllurp.llrp import LLRPReaderClient, LLRPReaderConfig

    tags, events = [], []

    def heard(reader, reports):
        for report in reports:
            epc = report.get("EPC-96") or report.get("EPC") or report.get("EPCData")
            epc = epc.decode() if isinstance(epc, bytes) else epc["EPC"]
            tags.append([epc, report["AntennaID"], report["PeakRSSI"]])

    content = {name: True for name in ("EnableAntennaID", "EnablePeakRSSI", "EnableLastSeenTimestamp", "EnableTagSeenCount")}
    config = LLRPReaderConfig({
        "antennas": [0], "report_every_n_tags": 1, "start_inventory": True, "reset_on_connect": True,
        "keepalive_interval": 1000, "tag_content_selector": {**LLRPReaderConfig().tag_content_selector, **content},
        "event_selector": {**LLRPReaderConfig().event_selector, "GPIEvent": True, "ROSpecEvent": True},
    })
    reader = LLRPReaderClient("127.0.0.1", port, config)
    reader.add_tag_report_callback(heard)
    reader.add_event_callback(lambda _, event: events.append(sorted(event)))
    reader.connect()
    time.sleep(seconds)
    alive = reader.is_alive()
    # It takes its programs away first, so every report that was under way arrives.
    reader.disconnect()
    reader.join(5)
    return {"tags": tags, "alive": alive, "events": len(events)}


def pyllrp_writer(port, epc):
    from pyllrp import LLRPConnector, TagWriter

    LLRPConnector.LLRPConnector.connect.__defaults__ = (port,)
    # A simulated field answers some thirty times a second: more time than 150 ms, and more than 10 attempts in it.
    TagWriter.TagWriter.readWaitMilliseconds = 1000
    TagWriter.TagWriter.GetAccessSpec.__defaults__ = (None, "", "", 0, 1, 1000, None)
    writer = TagWriter.TagWriter("127.0.0.1")
    writer.Connect()
    before, _ = writer.GetTagInventory()
    before = sorted(before)
    writer.WriteTag("", epc)
    after, _ = writer.GetTagInventory()
    writer.Disconnect()
    return {"before": before, "after": sorted(after)}


def numbers(message):
    """pyllrp reads fields of two bits as bit strings, and wants numbers when it checks and packs them."""
    for field in message.DataFields:
        value = getattr(message, field.Name)
        if field.TypeCode.startswith("bits") and not isinstance(value, int):
            setattr(message, field.Name, value.uint)
    for inner in message.Parameters:
        numbers(inner)


class Reader:
    """A reader as strict as its library: what it cannot take it names among its problems."""

    POWERS = [(2, 1000), (5, 1825), (9, 2400), (30, 3000)]

    def __init__(self, tags):
        self.seen, self.problems, self.switched, self.sent = [], [], [], []
        self.acknowledged, self.keepalive_s, self.keepalive_at = 0, None, None
        self.rospec = self.access = self.powers = self.filters = None
        self.to_report = tags
        self.random = random.Random(7)
        self.memory = {}
        self.over = False

    def run(self):
        listener = socket.create_server(("127.0.0.1", 0))
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        listener.settimeout(30)
        self.socket, _ = listener.accept()
        self.socket.settimeout(0.05)
        self.event(ConnectionAttemptEvent_Parameter(Status=ConnectionAttemptStatusType.Success))
        received = b""
        while not self.over:
            try:
                part = self.socket.recv(4096)
                if not part:
                    self.problems.append("the client closed without CLOSE_CONNECTION")
                    break
                received += part
            except TimeoutError:
                pass
            while len(received) >= 10 and len(received) >= int.from_bytes(received[2:6], "big"):
                length = int.from_bytes(received[2:6], "big")
                self.take(received[:length])
                received = received[length:]
            if self.keepalive_at and self.keepalive_at <= time.monotonic():
                self.keepalive_at = time.monotonic() + self.keepalive_s
                KEEPALIVE_Message(MessageID=self.random.randrange(1, 1 << 32)).send(self.socket)
        self.socket.close()
        return {
            "requests": self.seen, "problems": self.problems, "tags": self.sent, "switched": self.switched,
            "acknowledged": self.acknowledged, "powers": self.powers, "filters": self.filters,
        }

    def take(self, octets):
        message = UnpackMessage(bitstring.ConstBitStream(bytes=octets))
        name = message.__class__.__name__.removesuffix("_Message")
        self.seen.append(name)
        numbers(message)
        try:
            message._validate()
        except AssertionError as error:
            self.problems.append(f"{name}: {error}")
        again = message.pack(bitstring.BitStream())
        if again.bytes != octets:
            self.problems.append(f"{name}: {octets.hex()} is packed as {again.bytes.hex()}")
        getattr(self, "on_" + name.lower(), self.on_other)(message, name)

    def answer(self, message, name, *parameters):
        status = LLRPStatus_Parameter(StatusCode=StatusCode.M_Success, ErrorDescription="")
        answer = globals()[name + "_RESPONSE_Message"](MessageID=message.MessageID, Parameters=[status, *parameters])
        answer.send(self.socket)

    def event(self, event):
        stamp = UTCTimestamp_Parameter(Microseconds=int(time.time() * 1e6))
        data = ReaderEventNotificationData_Parameter(Parameters=[stamp, event])
        READER_EVENT_NOTIFICATION_Message(MessageID=1, Parameters=[data]).send(self.socket)

    def on_other(self, message, name):
        self.answer(message, name)

    def on_keepalive_ack(self, message, name):
        self.acknowledged += 1

    def on_get_reader_capabilities(self, message, name):
        mode = dict(DRValue=True, MValue=2, SpectralMaskIndicator=2, PIEValue=1500, MinTariValue=20000, MaxTariValue=20000)
        modes = [C1G2UHFRFModeTableEntry_Parameter(ModeIdentifier=number, BDRValue=rate, **mode)
                 for number, rate in ((0, 640000), (3, 64000), (1000, 274000))]
        powers = [TransmitPowerLevelTableEntry_Parameter(Index=index, TransmitPowerValue=power) for index, power in self.POWERS]
        hops = FrequencyHopTable_Parameter(HopTableID=1, Frequency=[920625 + 250 * place for place in range(16)])
        self.answer(
            message, name,
            GeneralDeviceCapabilities_Parameter(
                MaxNumberOfAntennaSupported=2, CanSetAntennaProperties=False, HasUTCClockCapability=True,
                DeviceManufacturerName=25882, ModelName=2001002, ReaderFirmwareVersion="pyllrp é",
                Parameters=[
                    ReceiveSensitivityTableEntry_Parameter(Index=1, ReceiveSensitivityValue=0),
                    ReceiveSensitivityTableEntry_Parameter(Index=4, ReceiveSensitivityValue=12),
                    GPIOCapabilities_Parameter(NumGPIs=2, NumGPOs=3),
                    PerAntennaAirProtocol_Parameter(AntennaID=1, ProtocolID=[1]),
                    PerAntennaAirProtocol_Parameter(AntennaID=2, ProtocolID=[1]),
                ]),
            LLRPCapabilities_Parameter(
                SupportsEventAndReportHolding=True, CanReportBufferFillWarning=True, MaxNumPriorityLevelsSupported=1,
                MaxNumROSpecs=1, MaxNumSpecsPerROSpec=32, MaxNumInventoryParameterSpecsPerAISpec=1, MaxNumAccessSpecs=8,
                MaxNumOpSpecsPerAccessSpec=8),
            RegulatoryCapabilities_Parameter(CountryCode=156, CommunicationsStandard=0, Parameters=[
                UHFBandCapabilities_Parameter(Parameters=[
                    *powers, FrequencyInformation_Parameter(Hopping=True, Parameters=[hops]),
                    C1G2UHFRFModeTable_Parameter(Parameters=modes)])]),
            C1G2LLRPCapabilities_Parameter(MaxNumSelectFiltersPerQuery=2),
        )

    def on_set_reader_config(self, message, name):
        for parameter in message.Parameters:
            kind = parameter.__class__.__name__
            if kind == "KeepaliveSpec_Parameter":
                self.keepalive_s = parameter.PeriodicTriggerValue / 1000
                self.keepalive_at = time.monotonic() + self.keepalive_s
            if kind == "GPOWriteData_Parameter":
                self.switched.append([parameter.GPOPortNumber, parameter.GPOData])
        self.answer(message, name)

    def on_get_reader_config(self, message, name):
        antennas = [AntennaProperties_Parameter(AntennaConnected=True, AntennaID=antenna, AntennaGain=0) for antenna in (1, 2)]
        states = (GPIPortState.Low, GPIPortState.High)
        inputs = [GPIPortCurrentState_Parameter(GPIPortNum=line, Config=True, State=state) for line, state in enumerate(states, 1)]
        self.answer(message, name, *antennas, *inputs)

    def on_add_rospec(self, message, name):
        self.rospec = message.Parameters[0]
        settings = list(message.getAllParametersByClass(RFTransmitter_Parameter))
        self.powers = [[one.HopTableID, one.ChannelIndex, one.TransmitPower] for one in settings]
        self.filters = [one.TagMask.hex() for one in message.getAllParametersByClass(C1G2TagInventoryMask_Parameter)]
        self.answer(message, name)

    def on_get_rospecs(self, message, name):
        self.rospec.CurrentState = ROSpecState.Active
        self.answer(message, name, self.rospec)

    def on_enable_events_and_reports(self, message, name):
        if self.rospec is None:
            return
        while self.to_report:
            number = min(self.to_report, self.random.randrange(1, 8))
            self.to_report -= number
            self.report([self.tag() for _ in range(number)])
        self.event(GPIEvent_Parameter(GPIPortNumber=1, GPIEvent=True))

    def tag(self):
        octets = self.random.choice((12, 12, 8, 16))
        epc = bytes([0x30, 0x34]) + self.random.randbytes(octets - 2)
        return epc, self.random.choice((1, 2)), self.random.randrange(-80, -30)

    def report(self, tags, *results):
        data = []
        for epc, antenna, rssi in tags:
            name = EPC_96_Parameter(EPC=int.from_bytes(epc, "big")) if len(epc) == 12 else EPCData_Parameter(EPC=epc)
            now = int(time.time() * 1e6)
            data.append(TagReportData_Parameter(Parameters=[
                name, ROSpecID_Parameter(ROSpecID=1), AntennaID_Parameter(AntennaID=antenna),
                PeakRSSI_Parameter(PeakRSSI=-128), ChannelIndex_Parameter(ChannelIndex=3),
                FirstSeenTimestampUTC_Parameter(Microseconds=now), LastSeenTimestampUTC_Parameter(Microseconds=now),
                TagSeenCount_Parameter(TagCount=1), C1G2_PC_Parameter(PC_Bits=len(epc) // 2 << 11),
                *results, ImpinjPeakRSSI_Parameter(RSSI=rssi * 100),
            ]))
            self.sent.append([epc.hex(), antenna, rssi])
        RO_ACCESS_REPORT_Message(MessageID=9, Parameters=data).send(self.socket)

    def on_add_accessspec(self, message, name):
        self.access = message.Parameters[0]
        self.answer(message, name)

    def on_enable_accessspec(self, message, name):
        self.answer(message, name)
        target = self.access.getFirstParameterByClass(C1G2TargetTag_Parameter)
        command = next(one for one in self.access.Parameters if one.__class__.__name__ == "AccessCommand_Parameter")
        operation = command.Parameters[1]
        epc = bytes(target.TagData)
        if (target.MB, target.Pointer, target.Match, bytes(target.TagMask)) != (1, 32, True, b"\xff" * len(epc)):
            self.problems.append(f"the tag is not named by its EPC: {target}")
        mine = AccessSpecID_Parameter(AccessSpecID=self.access.AccessSpecID)
        # The first attempt is lost in the noise.
        if operation.__class__.__name__ == "C1G2Read_Parameter":
            read = lambda code, words: C1G2ReadOpSpecResult_Parameter(  # noqa: E731
                Result=code, OpSpecID=operation.OpSpecID, ReadData=words)
            words = [0xE280 + place for place in range(operation.WordCount)]
            results = [read(2, []), read(0, words)]
        else:
            wrote = lambda code, count: C1G2WriteOpSpecResult_Parameter(  # noqa: E731
                Result=code, OpSpecID=operation.OpSpecID, NumWordsWritten=count)
            results = [wrote(5, 0), wrote(0, len(operation.WriteData))]
            self.memory[epc.hex()] = [operation.MB, operation.WordPointer, operation.WriteData]
        for result in results:
            self.report([(epc, 1, -50)], mine, result)

    def on_close_connection(self, message, name):
        status = LLRPStatus_Parameter(StatusCode=StatusCode.M_Success, ErrorDescription="")
        CLOSE_CONNECTION_RESPONSE_Message(MessageID=message.MessageID, Parameters=[status]).send(self.socket)
        self.over = True


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sllurp", port, seconds]:
            said = sllurp_inventory(int(port), float(seconds))
        case ["writer", port, epc]:
            said = pyllrp_writer(int(port), epc)
        case ["reader", tags]:
            import bitstring
            from pyllrp.pyllrp import *  # noqa: F403

            reader = Reader(int(tags))
            said = {**reader.run(), "written": reader.memory}
        case _:
            sys.exit(__doc__)
    print(json.dumps(said))
