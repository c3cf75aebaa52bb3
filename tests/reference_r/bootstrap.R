# Patients resampled by boot within groups: difference of medians, its error and percentile limits. Run here: Rscript bootstrap.R
source("common.R")
library(boot)

states <- function(status) factor(status, 0:2, c("censored", "event", "competing"))

# The first time by which half of all have had the event. R's own median takes the middle of a flat stretch.
median_time <- function(data) {
  if (any(data$status == 2)) {
    fit <- survfit(Surv(time + 1, states(status)) ~ 1, data, se.fit = FALSE)
    had <- fit$pstate[, match("event", fit$states)]
  } else {
    fit <- survfit(Surv(time + 1, status == 1) ~ 1, data, se.fit = FALSE)
    had <- 1 - fit$surv
  }
  reached <- fit$time[had >= 0.5 - 1e-12]
  if (length(reached)) min(reached) - 1 else Inf
}

difference <- function(data, rows) {
  drawn <- data[rows, ]
  median_time(drawn[drawn$group == 1, ]) - median_time(drawn[drawn$group == 0, ])
}

cases <- lapply(c("transplant", "lung", "veteran"), function(name) {
  data <- public[[name]]
  set.seed(20231231)
  drawn <- boot(data, difference, R = 1999, strata = data$group)
  stopifnot(all(is.finite(drawn$t)))
  limits <- boot.ci(drawn, conf = 0.95, type = "perc")$percent[4:5]
  counted <- table(drawn$t)
  list(name = name, cells = cells_of(group = data$group, entry = data$entry, time = data$time, status = data$status),
    replicates = list(value = as.numeric(names(counted)), times = as.integer(counted)),
    estimate = drawn$t0, std_error = sd(drawn$t), low = limits[1], high = limits[2])
})
write_reference("bootstrap.R", c("survival", "boot"), cases)
