# Shares, their differences and means by base R. Run in this folder: Rscript proportions.R
source("common.R")

wilson <- function(k, n) as.list(setNames(prop.test(k, n, correct = FALSE)$conf.int, c("low", "high")))

# Newcombe (1998), method 10, from the two Wilson intervals of prop.test.
newcombe <- function(k1, n1, k0, n0) {
  l1 <- wilson(k1, n1); l0 <- wilson(k0, n0); p1 <- k1 / n1; p0 <- k0 / n0
  list(k1 = k1, n1 = n1, k0 = k0, n0 = n0, estimate = p1 - p0,
    low = p1 - p0 - sqrt((p1 - l1$low)^2 + (l0$high - p0)^2), high = p1 - p0 + sqrt((l1$high - p1)^2 + (p0 - l0$low)^2),
    std_error = sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0))
}

single <- function(k, n) c(list(k = k, n = n, estimate = k / n), wilson(k, n))
exact_without_event <- function(n) list(n = n, high = binom.test(0, n)$conf.int[2])

two_by_two <- function(outcome, group) {
  counted <- table(group, outcome)
  newcombe(counted[2, 2], sum(counted[2, ]), counted[1, 2], sum(counted[1, ]))
}

welch <- function(name, value, group) {
  test <- t.test(value[group == 1], value[group == 0]); alone <- t.test(value[group == 1])
  list(name = name, cells = cells_of(group = group, value = value),
    mean = list(estimate = unname(alone$estimate), std_error = alone$stderr, low = alone$conf.int[1], high = alone$conf.int[2]),
    difference = list(estimate = unname(test$estimate[1] - test$estimate[2]), std_error = test$stderr,
      low = test$conf.int[1], high = test$conf.int[2], z = unname(test$statistic), p_value = test$p.value))
}

cases <- list(
  wilson = list(single(169, 261), single(170, 261), single(99, 261), single(86, 261), single(70, 261), single(1, 20), single(19, 20), single(116, 782), single(40000, 90001)),
  newcombe = list(newcombe(56, 70, 48, 80), newcombe(9, 10, 3, 10), newcombe(59, 385, 57, 397), newcombe(3, 200, 11, 190),
    two_by_two(MASS::birthwt$low, MASS::birthwt$smoke), two_by_two(infert$case, as.integer(infert$spontaneous > 0)),
    two_by_two(as.integer(lung$status == 2), lung$sex - 1)),
  exact = lapply(c(1, 5, 100, 12345), exact_without_event),
  means = list(welch("ToothGrowth", ToothGrowth$len, as.integer(ToothGrowth$supp == "OJ")),
    welch("birthwt", MASS::birthwt$bwt, MASS::birthwt$smoke),
    welch("chickwts", chickwts$weight[chickwts$feed %in% c("soybean", "linseed")],
      as.integer(droplevels(chickwts$feed[chickwts$feed %in% c("soybean", "linseed")]) == "soybean"))))
write_reference("proportions.R", c("stats", "MASS"), cases)
