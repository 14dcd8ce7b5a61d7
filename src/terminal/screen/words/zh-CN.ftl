# 终端：状态栏
t-online = 在线
t-offline = 离线 { $span }
t-alone = 尚无服务器
t-all-sent = 已全部上传
t-queued = 待传 { $n } 条
t-data-age = 数据 { $span }前
t-data-none = 尚无服务器数据
t-nobody = 未刷工牌
t-health = 终端状况

# 终端：作业栏
t-choose-act = 选择作业
t-choose-hint = 点选作业，或扫描指令卡、单据、库位、样品。
t-slip = 调拨单 { $number }
t-task = 任务 { $number }
t-to-place = 库位 { $place }
t-to-person = 交给 { $person }
t-tasks = 我的任务
t-all-acts = 全部作业
t-trouble = 本终端无法记账，请停止作业。

# 终端：应答
t-good = 正确
t-line-done = 本行完成
t-all-done = 全部完成
t-wrong-piece = 拿错了
t-not-allowed = 不能放行
t-cannot-record = 无法记账
t-unknown-code = 不认识这个码
t-place-first = 先扫库位
t-no-code = 没有找到码
t-other-paper = 单据不符
t-look = 请看一下
t-not-on-paper = 单上没有
t-already-scanned = 已经扫过
t-taken-back = 已撤回
t-nothing-back = 没有可撤回的
t-going-on = 继续作业
t-act-ended = 作业结束
t-ready = 可以扫描
t-seen = 已看到
t-at-a-door = 这里是门

t-in-the-book = 已记入本机账
t-in-the-book-nth = 已记入本机账 · 第 { $nth } 件
t-in-the-book-of = 已记入本机账 · 第 { $nth } 件，共 { $of } 件
t-wrong-say = 不在此单上，未出库。
t-wanted = 应取：{ $unit }
t-put-back = 请放回 { $place }。
t-unknown-kept = 已记录，待认领。请继续扫描。
t-unknown-not-kept = 没有记账。请选择作业，或继续扫描。
t-place-first-say = 请先扫库位，再扫样品。
t-no-code-say = 请靠近、正对，再拍一次。
t-other-paper-say = 请先结束当前作业，再扫此单。
t-not-on-paper-say = 已记入本机账，但单上没有这一件。
t-already-say = { $time }，没有变化。
t-taken-back-say = 最后一件已从本次作业中撤回。
t-nothing-back-say = 本次作业还没有样品。
t-going-on-say = 从中断处继续，始于 { $time }。
t-act-ended-say = { $act }：{ $pieces }已记账。
t-started-say = 请扫描样品。
t-started-place-say = 请先扫库位，再扫样品。
t-started-badge-say = 请扫领用人工牌，再扫样品。
t-person-works = 现在由其作业。
t-person-takes = 领取后续样品。
t-place-say = 请扫描样品。
t-paper-say = 单上 { $pieces }，请逐件扫描。
t-amount-say = 用于下一批次或物料。
t-cannot-say = 请停止作业。{ $why }
t-seen-say = 此门视为已看到。
t-door-say = 门没有作业。请刷工牌或扫样品。

t-why-no-pass = 没有放行通行证。
t-why-not-now = 通行证不在有效期内。
t-why-for-another = 通行证属于 { $person }，请刷其工牌。
t-why-used-up = 通行证已用完。
t-why-hold = 已冻结：{ $why }
t-why-certificate = 此人没有有效上岗证。
t-why-clock = 时钟从未设置，通行证一律无效。
t-why-person = 请先刷领用人工牌。

# 终端：要点与页脚
t-fact-weight = 登记量
t-fact-place = 库位
t-fact-due = 应还
t-next = 下一件
t-undo = 撤回
t-list = 清单
t-end-act = 结束作业
t-back = 返回

# 终端：清单页
t-pieces = 本次作业
t-no-pieces = 还没有样品
t-no-pieces-say = 本次作业扫到的都列在这里。
t-still-due = 待取
t-by-hand = 手工记账
t-type-code = 输入编号
t-record-it = 记账
t-amount = 下一批次或物料的数量
t-amount-hint = 12、3.42 g、1.5 m
t-amount-set = 设定
t-amount-wrong = 这不是数量。请写 12、3.42 g、1.5 m 或 0.75 l。
t-picture = 码的照片
t-picture-take = 拍照或选择图片
t-picture-send = 识读照片

# 终端：状况页
t-book = 本机账
t-lines = { $n } 条，未传 { $waiting } 条
t-devices = 设备
t-device-up = 正常
t-device-down = 不工作
t-reads = 读取 { $reads } 次，杂讯 { $noise } 字节
t-disk = 磁盘
t-disk-fine = 空间充足
t-disk-tight = 将满
t-disk-none = 无法记账
t-clock = 时钟
t-clock-set = 已设置
t-clock-unset = 从未设置
t-self-check = 自检
t-check-now = 现在核对
t-check-none = 尚未核对
t-check-same = 显示 { $shown } 次，账上 { $written } 条
t-link = 服务器
t-no-devices = 没有设备
t-sound = 声音
t-sound-off = 关
t-language = 语言
t-stations = 工位
t-screen-lost = 本屏与终端失去联系，此处扫描不会记账。
t-touch-sound = 点一下屏幕以启用声音

# 终端：门
t-door-idle = 值守中
t-door-reading = 读取中 { $n }
t-door-go = 请通过
t-door-go-say = { $pieces }已记账。
t-door-in = 欢迎回来
t-door-stop = 请停步
t-door-stop-say = 这 { $n } 件样品没有放行通行证。请退回，或刷工牌。
t-door-stop-other = 这 { $n } 件样品不能放行。请退回，或刷工牌。
t-door-fault-device = { $device } 不工作
t-door-look = 请等一下
t-door-look-say = 请人查看：{ $why }。若有未读到的，请手工扫描。
t-door-fault = 本门暂停值守
t-door-more = 另有 { $n } 件
t-door-direction = 方向
t-door-badge = 同行工牌
t-door-last = 上次过门
t-door-unwritten = { $n } 次过门等待记账
t-end-alarm = 解除警报

# 终端：密钥
t-key-title = 需要密钥
t-key-say = 打开本屏需要终端密钥。请在地址后加 ?key= 和密钥。

# 终端：登记与换标签
t-prepared = 新样品
t-prepared-code = 标签：{ $code }
t-prepared-confirm = 请确认，即编号。
t-registered = 已登记
t-registered-say = 已按此编号记入本机账。请写在或打印在标签上。
t-registered-before = 已经登记
t-registered-before-say = 这就是 { $unit }。请扫新样品的标签。
t-code-taken = 标签已被占用
t-code-taken-say = 它现属 { $unit }。确实贴在这一件上时才确认，之后由专人处理。
t-item-first = 是什么物料？
t-item-first-say = 请扫描或选择物料。
t-no-series = 还没有编号
t-no-series-say = 没有记账。编号系列尚未从服务器下发，请先连一次网络。
t-relabel-say = 请扫新标签。不扫而直接确认，即摘下刚扫的标签。
t-piece-first = 先扫样品
t-label-first = 先扫新标签
t-relabelled = 标签已变更
t-released-code = 不再使用：{ $code }
t-nothing-prepared = 没有可确认的
t-wrong-number = 请再看编号
t-started-register-say = 有标签先扫标签，再扫物料，然后确认。
t-started-relabel-say = 请扫样品的编号或标签。
t-fact-item = 物料
t-fact-code = 标签
t-choose-item = 是什么物料？
t-confirm-register = 确认登记
t-confirm-another = 再登记一件
t-confirm-relabel = 确认变更
t-numbers = 编号
t-numbers-left = 断网时还可用 { $n } 个
t-doubt-check-digit = ({ $ai }) 的校验位不符，应为 { $want }；请与标签核对。
t-doubt-gtin = 若是 GTIN，末位应为 { $want }；请与标签核对。
t-doubt-ai = 第 { $at } 位的“{ $found }”不是 GS1 应用标识符；前一项内容可能不全。
t-doubt-value = ({ $ai }) 的内容在第 { $at } 位有误；请与标签核对。
t-doubt-code = GS1 码在第 { $at } 位有误；须由印制方更正。
t-doubt-tid = 标签给出的是芯片号，不是 EPC；可能从未写入。
t-doubt-blank = 标签是空白的；请写入或更换。
t-doubt-tag = 标签中没有可读的 EPC，只能按其数据识别。
