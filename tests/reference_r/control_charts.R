# Control charts, run rules and funnel limits by hand in base R: the formulae of NHSRplotthedots 0.2 (limits, screening,
# rules), qicharts2 (u, u', p, p', runs) and Spiegelhalter 2005 (funnels), on public series. Run here: Rscript control_charts.R
source("common.R")

# XmR: 2.66 mean moving ranges of the first `fix` points; screened drops moving ranges >= 3.267 times the mean, once.
xmr <- function(y, fix, screen) {
  fixed <- ifelse(seq_along(y) <= fix, y, NA); mr <- c(NA, abs(diff(fixed))); amr <- mean(mr, na.rm = TRUE)
  if (screen) amr <- mean(ifelse(mr < 3.267 * amr, mr, NA), na.rm = TRUE)
  centre <- mean(fixed, na.rm = TRUE)
  data.frame(centre, lower = centre - 2.66 * amr, upper = centre + 2.66 * amr)[rep(1, length(y)), ]
}
prime <- function(y, cl, s, fix) mean(abs(diff(((y - cl) / s)[1:fix]))) / 1.128
pooled <- function(events, size, fix, variance, laney) {
  cl <- sum(events[1:fix]) / sum(size[1:fix]); s <- sqrt(variance(cl) / size); y <- events / size
  if (laney) s <- s * prime(y, cl, s, fix)
  data.frame(centre = cl, lower = cl - 3 * s, upper = cl + 3 * s)
}

# The four rules, each point by itself. Codes: 0 none, 1 outside, 2 trend, 3 near limit, 4 shift; the sign is its direction.
rules <- function(y, lim) {
  n <- length(y); side <- sign(y - lim$centre); near2 <- 2 * (lim$upper - lim$centre) / 3
  out <- y > lim$upper | y < lim$lower; near <- !out & abs(y - lim$centre) > near2
  windows <- function(i, k) lapply(max(1, i - k + 1):max(1, min(i, n - k + 1)), function(a) a:(a + k - 1))
  inside <- function(i, k, holds) n >= k && any(sapply(windows(i, k), function(w) i %in% w && holds(w)))
  rising <- function(w) all(diff(y[w]) > 0); falling <- function(w) all(diff(y[w]) < 0)
  sapply(seq_len(n), function(i) {
    up <- inside(i, 7, rising); down <- inside(i, 7, falling)
    later_up <- i < n && y[i + 1] > y[i]
    if (out[i]) side[i] * 1
    else if (up || down) ifelse(up && down, ifelse(later_up, 1, -1), ifelse(up, 1, -1)) * 2
    else if (near[i] && inside(i, 3, function(w) abs(sum(side[w])) == 3 && sum(near[w]) >= 2)) side[i] * 3
    else if (inside(i, 7, function(w) abs(sum(side[w])) == 7)) side[i] * 4 else 0
  })
}

# Anhoej around the median of the whole series (qicharts2's runs.analysis).
anhoej <- function(y) {
  side <- sign(y - median(y)); side <- side[side != 0]; n <- length(side); lengths <- rle(side)$lengths
  list(useful = n, longest = max(lengths), longest_allowed = round(log2(n)) + 3, crossings = length(lengths) - 1,
    fewest_crossings = qbinom(0.05, n - 1, 0.5),
    signal = max(lengths) > round(log2(n)) + 3 || length(lengths) - 1 < qbinom(0.05, n - 1, 0.5))
}

series <- function(name, y, fix) {
  y <- as.numeric(y)
  charts <- lapply(c(FALSE, TRUE), function(screen) { lim <- xmr(y, fix, screen)
    list(screened = screen, centre = lim$centre[1], lower = lim$lower[1], upper = lim$upper[1], rules = rules(y, lim)) })
  list(name = name, values = y, baseline = fix, charts = charts, runs = anhoej(y))
}

counted <- function(name, chart, events, size, fix) {
  variance <- if (chart == "u") identity else function(p) p * (1 - p)
  charts <- lapply(c(FALSE, TRUE), function(laney) { lim <- pooled(events, size, fix, variance, laney)
    list(prime = laney, centre = lim$centre[1], lower = lim$lower, upper = lim$upper, rules = rules(events / size, lim)) })
  list(name = name, chart = chart, numerators = as.numeric(events), sizes = as.numeric(size), baseline = fix, charts = charts)
}

# The count at which the distribution function, joined by lines, is p; the upper limit is that of the upper tail.
between <- function(cdf, pmf, q, p) { r <- q(p); r - (cdf(r) - p) / pmf(r) }
funnel <- function(value, size, level, law) {
  tail <- (1 - level) / 2; at <- function(p) if (law == "binomial")
    between(function(r) pbinom(r, size, value), function(r) dbinom(r, size, value), function(p) qbinom(p, size, value), p)
    else between(function(r) ppois(r, size * value), function(r) dpois(r, size * value), function(p) qpois(p, size * value), p)
  low <- max(0, at(tail) / size); high <- (at(1 - tail) + 1) / size
  list(law = law, value = value, size = size, level = level, low = low, high = if (law == "binomial") min(1, high) else high)
}

# How many times wider they are: the error of a rate from the squares of persons, of a share from Greenwood's, over that of
# the plain law; never less than once.
of_rate <- function(name, events, exposure) {
  rate <- sum(events) / sum(exposure); error <- sqrt(sum((events - rate * exposure)^2)) / sum(exposure)
  cells <- aggregate(n ~ events + exposure, data.frame(events, exposure, n = 1L), sum)
  list(name = name, cells = as.list(cells), spread = max(1, error / (sqrt(sum(events)) / sum(exposure))))
}
of_share <- function(name, time, status, horizon) {
  at <- summary(survfit(Surv(time, status) ~ 1), times = horizon); n <- length(time); share <- 1 - at$surv
  list(name = name, share = share, std_error = at$std.err, n = n, spread = max(1, at$std.err / sqrt(share * (1 - share) / n)))
}
infections <- aggregate(cbind(events = status, exposure = tstop - tstart) ~ id, cgd, sum)
tumours <- subset(aggregate(cbind(events = as.integer(bladder1$status == 1), exposure = bladder1$stop - bladder1$start), bladder1["id"], sum), exposure > 0)

# Funnels: admissions by department and sex, infections by centre of the cgd trial.
beds <- as.data.frame(UCBAdmissions); by_dept <- aggregate(Freq ~ Dept + Gender, beds, sum)
admitted <- aggregate(Freq ~ Dept + Gender, subset(beds, Admit == "Admitted"), sum)$Freq
drivers <- as.data.frame(Seatbelts)
centres <- aggregate(cbind(events = status, exposure = (tstop - tstart) / 30.4375) ~ center, cgd, sum)
share <- sum(admitted) / sum(by_dept$Freq); rate <- sum(centres$events) / sum(centres$exposure)
funnels <- c(
  unlist(lapply(by_dept$Freq, function(n) lapply(c(0.95, 0.998), function(level) funnel(share, n, level, "binomial"))), recursive = FALSE),
  unlist(lapply(centres$exposure, function(m) lapply(c(0.95, 0.998), function(level) funnel(rate, m, level, "poisson"))), recursive = FALSE),
  list(funnel(0.02, 30, 0.95, "binomial"), funnel(0.97, 25, 0.998, "binomial")))
cases <- list(
  series = list(series("discoveries", discoveries, 24), series("airmiles", airmiles, 13), series("UKDriverDeaths", UKDriverDeaths, 36),
    series("nhtemp", nhtemp, 20), series("Nile", Nile, 28), series("LakeHuron", LakeHuron, 30), series("lynx", lynx, 12),
    series("ldeaths", ldeaths, 24), series("precip", precip, 13), series("uspop", uspop, 7)),
  counted = list(
    counted("drivers killed per 10,000 km", "u", drivers$DriversKilled, drivers$kms / 10000, 24),
    counted("discoveries per decade", "u", colSums(matrix(discoveries, 10)), rep(10, 10), 5),
    counted("van drivers killed per drivers killed", "p", drivers$VanKilled, drivers$DriversKilled, 36),
    counted("admissions", "p", admitted, by_dept$Freq, 6)),
  funnels = funnels, spreads = list(
    of_rate("cgd", infections$events, infections$exposure), of_rate("bladder1", tumours$events, tumours$exposure),
    of_rate("discoveries", as.integer(discoveries), rep(1, length(discoveries))),
    of_share("lung", lung$time, lung$status - 1, 400), of_share("veteran", veteran$time, veteran$status, 90)))
write_reference("control_charts.R", c("stats", "datasets", "survival"), cases)
