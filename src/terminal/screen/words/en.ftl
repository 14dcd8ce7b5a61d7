# Terminal: status band
t-online = Online
t-offline = Offline { $span }
t-alone = No server yet
t-all-sent = all sent
t-queued = { $n } queued
t-data-age = data { $span } old
t-data-none = no data from the server yet
t-nobody = No badge
t-health = Health of this terminal

# Terminal: act band
t-choose-act = Choose an act
t-choose-hint = Touch an act, or scan a command card, slip, place or piece.
t-slip = Slip { $number }
t-task = Task { $number }
t-to-place = Place { $place }
t-to-person = For { $person }
t-tasks = My tasks
t-all-acts = All acts
t-trouble = This terminal cannot record. Stop working here.

# Terminal: answers
t-good = Good
t-line-done = Line done
t-all-done = All done
t-wrong-piece = Wrong piece
t-not-allowed = Not allowed
t-cannot-record = CANNOT RECORD
t-unknown-code = Unknown code
t-place-first = Place first
t-no-code = No code found
t-other-paper = Other paper
t-look = Please look
t-not-on-paper = Not on the paper
t-already-scanned = Already scanned
t-taken-back = Taken back
t-nothing-back = Nothing to take back
t-going-on = Going on
t-act-ended = Act ended
t-ready = Ready to scan
t-seen = Seen
t-at-a-door = This is a door

t-in-the-book = In the book
t-in-the-book-nth = In the book, piece { $nth }
t-in-the-book-of = In the book, piece { $nth } of { $of }
t-wrong-say = Not on this slip, not checked out.
t-wanted = Wanted: { $unit }
t-put-back = Put it back in { $place }.
t-unknown-kept = Recorded and kept for claiming. Scan on.
t-unknown-not-kept = Nothing was recorded. Choose an act, or scan on.
t-place-first-say = Scan the place, then the pieces again.
t-no-code-say = Take the picture again, nearer and straight on.
t-other-paper-say = Finish this act first, then scan the slip again.
t-not-on-paper-say = In the book. The paper does not name this piece.
t-already-say = { $time }, nothing changed.
t-taken-back-say = The last piece is out of this act again.
t-nothing-back-say = This act has no piece yet.
t-going-on-say = Going on where you stopped, begun { $time }.
t-act-ended-say = { $act }: { $pieces } in the book.
t-started-say = Scan the pieces.
t-started-place-say = Scan the place, then its pieces.
t-started-badge-say = Scan the badge of who takes them, then the pieces.
t-person-works = Works here now.
t-person-takes = Takes the pieces that follow.
t-place-say = Scan the pieces.
t-paper-say = { $pieces } on this paper. Scan them.
t-amount-say = for the next lot or item.
t-cannot-say = Do not go on. { $why }
t-seen-say = The door takes it as seen here.
t-door-say = A door has no acts. Scan a badge or a piece.

t-why-no-pass = No approved pass lets it leave.
t-why-not-now = The pass is not valid now.
t-why-for-another = The pass is for { $person }. Scan their badge.
t-why-used-up = The pass was used already.
t-why-hold = It is on hold: { $why }
t-why-certificate = The person lacks a valid certificate.
t-why-clock = The clock was never set, so no pass is valid.
t-why-person = Scan the badge of who takes it first.

# Terminal: facts and foot
t-fact-weight = Registered
t-fact-place = Place
t-fact-due = Due back
t-next = Next
t-undo = Undo
t-list = List
t-end-act = End act
t-back = Back

# Terminal: list page
t-pieces = Pieces of this act
t-no-pieces = No pieces yet
t-no-pieces-say = What is scanned in this act stands here.
t-still-due = Still due
t-by-hand = Without the scanner
t-type-code = Type a code
t-record-it = Record
t-amount = Amount of the next lot or item
t-amount-hint = 12, 3.42 g, 1.5 m
t-amount-set = Set
t-amount-wrong = That is no amount. Write 12, 3.42 g, 1.5 m or 0.75 l.
t-picture = Picture of a code
t-picture-take = Take or choose a picture
t-picture-send = Read the picture

# Terminal: health page
t-book = Book
t-lines = { $n } lines, { $waiting } not sent
t-devices = Devices
t-device-up = Works
t-device-down = Does not work
t-reads = { $reads } reads, { $noise } noise bytes
t-disk = Disk
t-disk-fine = Room enough
t-disk-tight = Nearly full
t-disk-none = Cannot record
t-clock = Clock
t-clock-set = Set
t-clock-unset = Never set
t-self-check = Self-check
t-check-now = Count now
t-check-none = Not counted yet
t-check-same = { $shown } shown, { $written } in the book
t-link = Server
t-no-devices = No devices
t-sound = Sound
t-sound-off = Off
t-language = Language
t-stations = Stations
t-screen-lost = This screen lost its terminal. Nothing scanned here is recorded.
t-touch-sound = Touch once for sound

# Terminal: door
t-door-idle = Watching
t-door-reading = Reading { $n }
t-door-go = Go ahead
t-door-go-say = { $pieces } recorded.
t-door-in = Welcome back
t-door-stop = Stop, please
t-door-stop-say = { $n ->
    [one] This sample has no pass. Step back in, or show a badge.
   *[other] These { $n } samples have no pass. Step back in, or show a badge.
}
t-door-stop-other = { $n ->
    [one] This sample may not leave. Step back in, or show a badge.
   *[other] These { $n } samples may not leave. Step back in, or show a badge.
}
t-door-fault-device = { $device } does not work
t-door-look = One moment
t-door-look-say = A person looks at this: { $why }. If a piece was not read, scan it by hand.
t-door-fault = This door is not watching
t-door-more = + { $n } more
t-door-direction = Direction
t-door-badge = Badge with them
t-door-last = Last passage
t-door-unwritten = { $n } passages wait to be recorded
t-end-alarm = End the alarm

# Terminal: key
t-key-title = Key needed
t-key-say = This screen is opened with the key of the terminal. Open the address with ?key= and the key behind it.

# Terminal: new pieces and new labels
t-prepared = New piece
t-prepared-code = Its label or tag: { $code }
t-prepared-confirm = Confirm, and it gets its number.
t-registered = Registered
t-registered-say = In the book under this number. Write or print it on the label.
t-registered-before = Registered already
t-registered-before-say = This is { $unit } itself. Scan the label of a new piece.
t-code-taken = Code is taken
t-code-taken-say = It stands for { $unit }. Confirm only if it is on this piece all the same: a person will settle it.
t-item-first = What is it?
t-item-first-say = Scan or choose the item.
t-no-series = No numbers yet
t-no-series-say = Nothing was recorded. The series of numbers have not come down from the server; connect the network once.
t-relabel-say = Scan the new label or tag. Confirm without one takes the scanned one off.
t-piece-first = Piece first
t-label-first = New label first
t-relabelled = Labels changed
t-released-code = No longer: { $code }
t-nothing-prepared = Nothing to confirm
t-wrong-number = Look at the number again
t-started-register-say = Scan label or tag if there is one, then the item, then confirm.
t-started-relabel-say = Scan the piece by its number, label or tag.
t-fact-item = Item
t-fact-code = Label or tag
t-choose-item = What is it?
t-confirm-register = Register it
t-confirm-another = Register another
t-confirm-relabel = Change it
t-numbers = Numbers
t-numbers-left = { $n } left to give without a network
t-doubt-check-digit = The check digit of ({ $ai }) does not fit, { $want } would; compare with the label.
t-doubt-gtin = As a GTIN it should end with { $want }; compare with the label.
t-doubt-ai = “{ $found }” at character { $at } is no GS1 application identifier; the value before it may be cut.
t-doubt-value = The value of ({ $ai }) is wrong at character { $at }; compare with the label.
t-doubt-code = The GS1 code is wrong at character { $at }; whoever printed it has to mend it.
t-doubt-tid = The tag gave its chip number, not an EPC; it may never have been written.
t-doubt-blank = The tag is blank; write it or put another one on.
t-doubt-tag = The tag holds no EPC that can be read; it is known by its bits alone.
