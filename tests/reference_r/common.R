# Shared by the reference scripts: counted cells of a public data set, and one JSON with its provenance.
# Times are whole units and start at 0, where events may happen; R wants (start, stop] with stop > 0: one is added.
suppressPackageStartupMessages({library(survival); library(jsonlite)})

FROM_THE_START <- -1

# Patients -> cells: one row per distinct combination, with n. Numbers only; columns become arrays.
cells_of <- function(...) {
  columns <- data.frame(...)
  counted <- aggregate(list(n = rep(1L, nrow(columns))), columns, sum)
  as.list(counted[do.call(order, counted), ])
}

# At most `most` rows, spread evenly, the last one always among them.
thinned <- function(rows, most = 24) {
  rows[unique(round(seq(1, nrow(rows), length.out = min(most, nrow(rows))))), ]
}

# Limits of a share on the scale log(-log), at the normal deviate z; those of survival when turned over.
log_log <- function(share, error, z, as_survival = FALSE) {
  if (as_survival) return(rev(1 - log_log(1 - share, error, z)))
  share^exp(c(-1, 1) * z * error / (share * log(share)))
}

# A difference, one - none, from the limits of both (Zou and Donner 2008), and its inversion as a test: z is the deviate
# at which the limit towards 0 is 0, and 0 where that limit lies beyond 0 at any deviate, as exact ones may. Each group is
# list(estimate, limits), its limits a function of the deviate; correlation is that of the two estimates.
hybrid_of <- function(one, none, correlation = 0) {
  estimate <- one$estimate - none$estimate
  reach <- function(upper, lower, z) {
    down <- upper$estimate - upper$limits(z)[1]; up <- lower$limits(z)[2] - lower$estimate
    sqrt(down^2 + up^2 - 2 * correlation * down * up)
  }
  ordered <- if (estimate > 0) list(one, none) else list(none, one)
  beyond <- function(z) reach(ordered[[1]], ordered[[2]], z) - abs(estimate)
  at <- if (beyond(0) >= 0) 0 else uniroot(beyond, c(0, 30), tol = 1e-14)$root
  z <- qnorm(0.975)
  list(estimate = estimate, low = estimate - reach(one, none, z), high = estimate + reach(none, one, z),
    z = sign(estimate) * at, p_value = 2 * pnorm(-at))
}

# The same of two shares with limits on the scale log(-log): each group is c(estimate, error).
hybrid <- function(one, none, covariance = 0, ...) {
  bounded <- function(group) list(estimate = group[1], limits = function(z) log_log(group[1], group[2], z, ...))
  found <- hybrid_of(bounded(one), bounded(none), covariance / (one[2] * none[2]))
  append(found, list(std_error = sqrt(one[2]^2 + none[2]^2 - 2 * covariance)), after = 1)
}

# The ways from both estimates to their limits, squared and added: each group is c(estimate, way down, way up). The test
# takes the side towards 0; the limits stay within +-largest.
square_and_add <- function(one, none, largest) {
  estimate <- one[1] - none[1]; down <- sqrt(one[2]^2 + none[3]^2); up <- sqrt(one[3]^2 + none[2]^2)
  towards <- if (estimate == 0) max(down, up) else if (estimate > 0) down else up
  z <- qnorm(0.975) * estimate / towards
  list(estimate = estimate, std_error = towards / qnorm(0.975), low = max(estimate - down, -largest),
    high = min(estimate + up, largest), z = z, p_value = 2 * pnorm(-abs(z)))
}

# Clopper and Pearson's upper limit where none of n had the event, at the normal deviate z.
exact_limit <- function(n, z = qnorm(0.975)) qbeta(pnorm(-z), 1, n, lower.tail = FALSE)
stopifnot(all.equal(exact_limit(29), binom.test(0, 29)$conf.int[2], tolerance = 1e-12))

# The number effectively followed: the least of at risk / share still without any event just before, over the times up to
# the horizon and the first one from it on; a whole number, at least 1.
effectively_followed <- function(data, horizon) {
  times <- sort(unique(data$time)); times <- head(times, sum(times < horizon) + 1)
  at_risk <- sapply(times, function(u) sum(data$entry < u & data$time >= u))
  before <- summary(survfit(Surv(entry + 1, time + 1, status > 0) ~ 1, data), times = times + 0.5, extend = TRUE)$surv
  max(floor(min((at_risk / before)[before > 0]) + 1e-9), 1)
}

figures <- function(test, df) list(statistic = test, p_value = pchisq(test, df, lower.tail = FALSE), degrees_of_freedom = df)

# Gray's paper by hand, patient by patient, for delayed entry, which cmprsk does not know: `gray_score` at one stratum.
curves_of <- function(data, times) {
  data$id <- seq_len(nrow(data)); data$state <- factor(data$status, 0:2, c("censored", "event", "competing"))
  fit <- survfit(Surv(entry + 1, time + 1, state) ~ 1, data, id = id)
  at <- findInterval(times + 1, fit$time)  # before the first time: nobody has left
  column <- function(name) if (name %in% fit$states) c(0, fit$pstate[, match(name, fit$states)])[at + 1] else rep(0, length(times))
  cbind(survival = 1 - column("event") - column("competing"), incidence = column("event"))
}

gray_score <- function(data) {
  groups <- sort(unique(data$group)); times <- sort(unique(data$time)); most <- length(times)
  count <- function(k, chosen) sapply(times, function(u) sum(data$group == k & chosen(u)))
  before <- function(steps, start) c(start, head(steps, -1))
  tied <- function(n, d) ifelse(d > 1 & n > 1, 1 - (d - 1) / (n - 1), 1)
  quotient <- function(x, y) ifelse(y > 0, x / y, 0)
  of <- lapply(groups, function(k) {
    at_risk <- count(k, function(u) data$entry < u & data$time >= u)
    events <- count(k, function(u) data$time == u & data$status == 1); deaths <- count(k, function(u) data$time == u & data$status == 2)
    curves <- curves_of(data[data$group == k, ], times); survival <- curves[, "survival"]; incidence <- curves[, "incidence"]
    lost <- before(survival, 1) < 1e-12 & at_risk > 0  # all at risk had an event before others entered
    at_risk[lost] <- 0; events[lost] <- 0; deaths[lost] <- 0
    h <- quotient(at_risk, before(survival, 1))
    list(at_risk = at_risk, events = events, deaths = deaths, survival = survival, left = before(survival, 1), h = h, risk = h * (1 - before(incidence, 0)))
  })
  total <- function(name) Reduce(`+`, lapply(of, `[[`, name))
  step <- quotient(total("events"), total("h")); free <- 1 - cumsum(step)
  score <- sapply(of, function(group) sum(group$events - total("events") * quotient(group$risk, total("risk"))))
  variance <- matrix(0, length(groups), length(groups))
  for (l in seq_along(groups)) {
    own <- of[[l]]
    weight <- t(sapply(seq_along(groups), function(k) ((k == l) - quotient(of[[k]]$h, total("h"))) * own$h))
    odds <- quotient(free, own$survival)
    for (j in seq_len(most)) {
      later <- seq_len(most) > j
      tail <- as.vector(weight[, later, drop = FALSE] %*% quotient(step, before(free, 1))[later])
      of_event <- weight[, j] + (1 - odds[j]) * tail; of_death <- -odds[j] * tail
      variance <- variance + of_event %*% t(of_event) * quotient(step[j], own$h[j]) * tied(total("h")[j] * own$left[j], total("events")[j]) +
        of_death %*% t(of_death) * quotient(own$left[j]^2 * own$deaths[j], own$at_risk[j]^2) * tied(own$at_risk[j], own$deaths[j])
    }
  }
  list(score = score, variance = variance)
}

gray_by_hand <- function(data, stratum = rep(0, nrow(data))) {
  parts <- lapply(split(data, stratum), gray_score)
  score <- Reduce(`+`, lapply(parts, `[[`, "score")); variance <- Reduce(`+`, lapply(parts, `[[`, "variance")); df <- length(score) - 1
  figures(as.vector(score %*% MASS::ginv(variance) %*% score), df)
}

write_reference <- function(script, packages, cases) {
  versions <- sapply(packages, function(name) as.character(packageVersion(name)))
  made_by <- list(call = paste("Rscript", script), r = R.version.string, packages = as.list(versions))
  file <- sub("\\.R$", ".json", script)
  writeLines(toJSON(list(made_by = made_by, cases = cases), auto_unbox = TRUE, digits = NA, na = "null", null = "null"), file)
}

# The public data sets in whole units: time, status (0 censored, 1 event, 2 competing), group (0 or 1), entry.
public <- list(
  mgus2 = with(mgus2, data.frame(entry = FROM_THE_START, time = ifelse(pstat == 1, ptime, futime),
    status = ifelse(pstat == 1, 1, 2 * death), group = as.integer(sex == "M"))),
  mgus2_by_age = with(mgus2, data.frame(entry = age * 12, time = age * 12 + ifelse(pstat == 1, ptime, futime),
    status = ifelse(pstat == 1, 1, 2 * death), group = as.integer(sex == "M"))),
  pbc = with(subset(pbc, !is.na(trt)), data.frame(entry = FROM_THE_START, time = floor(time / 30.4375),
    status = c(0, 2, 1)[status + 1], group = trt - 1)),
  transplant = with(subset(transplant, event != "withdraw"), data.frame(entry = FROM_THE_START, time = floor(futime / 7),
    status = c(censored = 0, death = 2, ltx = 1)[as.character(event)], group = as.integer(sex == "f"))),
  rotterdam = with(rotterdam, data.frame(entry = FROM_THE_START, time = floor(ifelse(recur == 1, rtime, dtime) / 30.4375),
    status = ifelse(recur == 1, 1, 2 * death), group = hormon)),
  myeloid = with(myeloid, data.frame(entry = FROM_THE_START, time = floor(ifelse(is.na(crtime), futime, crtime) / 7),
    status = ifelse(is.na(crtime), 2 * death, 1), group = as.integer(trt == "B"))),
  colon = with(subset(colon, etype == 2), data.frame(entry = FROM_THE_START, time = floor(time / 30.4375),
    status = status, group = as.integer(rx == "Lev+5FU"))),
  lung = with(lung, data.frame(entry = FROM_THE_START, time = floor(time / 7), status = status - 1, group = sex - 1)),
  veteran = with(veteran, data.frame(entry = FROM_THE_START, time = time, status = status, group = trt - 1)),
  retinopathy = with(retinopathy, data.frame(entry = FROM_THE_START, time = floor(futime), status = status, group = trt))
)
public$mgus2_by_age <- subset(public$mgus2_by_age, entry < time)

# Transplants in stage 1 of primary biliary cirrhosis (group 1: none) and in another stage, where deaths compete.
transplants <- function(other) with(subset(pbc, stage %in% c(1, other)), data.frame(entry = FROM_THE_START,
  time = floor(time / 30.4375), status = status, group = as.integer(stage == 1)))

# Twelve patients worked by hand: ties of event, death and censoring, and an event at time 0.
twelve <- data.frame(entry = FROM_THE_START, time = c(0, 2, 2, 2, 3, 5, 5, 5, 7, 7, 8, 9),
  status = c(1, 1, 1, 0, 2, 1, 2, 0, 1, 1, 1, 0), group = c(0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 1))
